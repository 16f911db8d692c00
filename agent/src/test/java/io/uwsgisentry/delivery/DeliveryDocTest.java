package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The tests that {@code docs/delivery.md} names for its promises are there. */
class DeliveryDocTest {
  private static final Pattern NAMED = Pattern.compile("`([A-Z][A-Za-z]*Test)\\.([a-z]\\w*)`");

  @Test
  void everyTestThatIsNamedExists() throws IOException {
    Map<String, String> tests = new HashMap<>();
    for (Path root : new Path[] {Path.of("src/test/java"), Path.of("../it/src/test/java")}) {
      try (Stream<Path> files = Files.walk(root)) {
        for (Path file : files.filter(f -> f.toString().endsWith("Test.java")).toList()) {
          tests.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
        }
      }
    }
    Matcher named = NAMED.matcher(Files.readString(Path.of("../docs/delivery.md")));
    int count = 0;
    while (named.find()) {
      assertThat(tests).containsKey(named.group(1));
      assertThat(tests.get(named.group(1))).contains(" void " + named.group(2) + "(");
      count++;
    }
    assertThat(count).isGreaterThan(20);
  }
}

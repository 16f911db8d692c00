package io.uwsgisentry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The jar holds the libraries of others, and says which and under what licence. */
class NoticeTest {
  private static final Pattern DEPENDENCY =
      Pattern.compile(
          "<dependency>.*?<artifactId>([^<]+)</artifactId>(.*?)</dependency>", Pattern.DOTALL);

  @Test
  void everyLibraryInTheJarIsNamedInItsNotice() throws IOException {
    String notice = Files.readString(Path.of("src/main/resources/META-INF/NOTICE"));
    List<String> shipped = new ArrayList<>();
    Matcher dependency = DEPENDENCY.matcher(Files.readString(Path.of("pom.xml")));
    while (dependency.find()) {
      if (!dependency.group(2).contains("<scope>test</scope>")) {
        shipped.add(dependency.group(1));
      }
    }
    assertThat(shipped).contains("httpclient5", "sqlite-jdbc");
    for (String library : shipped) {
      assertThat(notice).contains(library.replace("slf4j-nop", "slf4j-api, -nop"));
    }
  }
}

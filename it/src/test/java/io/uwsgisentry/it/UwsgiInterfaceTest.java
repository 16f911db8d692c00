package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/uwsgi-interface.md} names all that is called across, and nothing else. */
class UwsgiInterfaceTest {
  private static final Path NATIVE = Path.of("../native");
  private static final Pattern CODE = Pattern.compile("`(\\w+)`");

  @Test
  void each_function_that_is_called_from_outside_is_in_the_first_table() throws IOException {
    Set<String> entered = new TreeSet<>();
    for (String source : sources()) {
      entered.addAll(matches("(\\w+)\\([^\\n]*\\) \\{\\n\\tSENTRY_ENTRY;", source));
    }
    assertThat(rows("## What calls us")).isEqualTo(entered);
  }

  @Test
  void each_function_that_is_registered_or_put_in_the_place_of_another_gives_errno_back()
      throws IOException {
    String all = String.join("\n", sources());
    Set<String> given = new TreeSet<>();
    given.addAll(matches("\\t\\.\\w+ = (sentry_\\w+),", plugin()));
    given.addAll(matches("uwsgi_register_\\w+\\(\"sentry[^\"]*\", ([^;)]+)\\);", all));
    given.addAll(matches("plugin->mule = (\\w+);", all));
    given.addAll(matches("ur->(?:func|free) = (\\w+);", all));
    given.addAll(matches("\\{\"excepthook\", (\\w+), 1, NULL\\}", all));
    given.addAll(matches("on_exit\\((\\w+), NULL\\)", all));
    given.addAll(matches("after_request_hooks, \"(\\w+)\"", all));
    given.remove("sentry_options");
    Set<String> functions = new TreeSet<>();
    given.forEach(names -> functions.addAll(List.of(names.split(", "))));
    functions.removeIf(name -> name.matches("(inert|probe)_\\w+"));
    assertThat(functions).hasSizeGreaterThan(20);
    assertThat(rows("## What calls us")).containsAll(functions);
  }

  @Test
  void each_symbol_of_uwsgi_that_the_plugin_needs_is_in_the_second_table() throws Exception {
    Process readelf =
        new ProcessBuilder(
                "readelf", "-W", "--dyn-syms", Installation.ofThisRun().plugin().toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String symbols = new String(readelf.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(readelf.waitFor()).isZero();
    assertThat(rows("## What we call")).isEqualTo(matches("UND (ui|uwsgi\\w*)\\n", symbols));
  }

  /** The names in the first columns below this heading. */
  private static Set<String> rows(String heading) throws IOException {
    String text = Files.readString(Path.of("../docs/uwsgi-interface.md"));
    String section = text.substring(text.indexOf(heading) + heading.length());
    int end = section.indexOf("\n## ");
    Set<String> names = new TreeSet<>();
    section
        .substring(0, end < 0 ? section.length() : end)
        .lines()
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.split("\\|")[1])
        .forEach(cell -> CODE.matcher(cell).results().forEach(name -> names.add(name.group(1))));
    return names;
  }

  private static Set<String> matches(String expression, String text) {
    Set<String> found = new TreeSet<>();
    Pattern.compile(expression).matcher(text).results().forEach(m -> found.add(m.group(1)));
    return found;
  }

  private static String plugin() throws IOException {
    return Files.readString(NATIVE.resolve("entry/plugin.c"));
  }

  private static List<String> sources() throws IOException {
    List<String> texts = new ArrayList<>();
    try (Stream<Path> files = Files.walk(NATIVE)) {
      for (Path file : files.filter(UwsgiInterfaceTest::isOfThePlugin).toList()) {
        texts.add(Files.readString(file));
      }
    }
    return texts;
  }

  private static boolean isOfThePlugin(Path file) {
    return file.toString().endsWith(".c") && !file.startsWith(NATIVE.resolve("tests"));
  }
}

package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.DocumentedOption;
import io.uwsgisentry.settings.HandlerOption;
import io.uwsgisentry.settings.InstanceOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine.Model.CommandSpec;
import picocli.codegen.docgen.manpage.ManPageGenerator;

/**
 * The man pages, in {@code packaging/man}, say what the code does. {@code -Dgolden=write} writes
 * them; {@code ./run install} and {@code ./run package} make pages of them.
 */
class ManPagesTest {
  private static final Path PAGES = Path.of("../packaging/man");

  @TempDir Path temporary;

  @Test
  void theyAreTheCodes() throws IOException {
    Map<String, String> pages = generated();
    pages.put("uwsgi-sentry.5.adoc", options());
    if ("write".equals(System.getProperty("golden"))) {
      Files.createDirectories(PAGES);
      for (var page : pages.entrySet()) {
        Files.writeString(PAGES.resolve(page.getKey()), page.getValue());
      }
    }
    try (Stream<Path> files = Files.list(PAGES)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(pages.keySet());
    }
    for (var page : pages.entrySet()) {
      assertThat(PAGES.resolve(page.getKey()))
          .as("mvn test -pl agent -am -Dtest=ManPagesTest -Dgolden=write")
          .hasContent(page.getValue());
    }
  }

  private Map<String, String> generated() throws IOException {
    CommandSpec root =
        UwsgiSentry.commandLine(agent -> 0, new CommandScene(temporary).surroundings(Map.of()))
            .getCommandSpec();
    ManPageGenerator.generateManPage(
        temporary.toFile(), null, new boolean[0], false, all(root).toArray(CommandSpec[]::new));
    Map<String, String> pages = new TreeMap<>();
    try (Stream<Path> files = Files.list(temporary)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".adoc")).toList()) {
        // uwsgi-sentry.adoc is a page of section 1.
        String name = file.getFileName().toString().replace(".adoc", ".1.adoc");
        pages.put(name, Files.readString(file));
      }
    }
    return pages;
  }

  private static List<CommandSpec> all(CommandSpec spec) {
    return Stream.concat(
            Stream.of(spec),
            spec.subcommands().values().stream()
                .distinct()
                .flatMap(sub -> all(sub.getCommandSpec()).stream()))
        .toList();
  }

  private static String options() {
    StringBuilder page =
        new StringBuilder(
            """
            = uwsgi-sentry(5)
            :doctype: manpage
            :manmanual: uwsgi-sentry
            :mansource: uwsgi-sentry
            :man-linkstyle: pass:[blue R < >]

            == Name

            uwsgi-sentry - options of a uWSGI configuration that concern Sentry

            == Synopsis

            ----
            [uwsgi]
            plugin = sentry
            sentry-dsn = https://KEY@HOST/PROJECT
            alarm = NAME sentry:KEY=VALUE,KEY=VALUE
            ----

            == Options of the server

            """);
    list(page, InstanceOption.values());
    page.append("== Options of a handler\n\nBehind `sentry:`, separated by commas.\n\n");
    list(page, HandlerOption.values());
    page.append("== See also\n\n*uwsgi-sentry*(1), *uwsgi-core*(1)\n");
    return page.toString();
  }

  private static void list(StringBuilder page, DocumentedOption[] options) {
    for (DocumentedOption option : options) {
      page.append("*").append(option.key()).append("*::\n");
      page.append(plain(option.meaning())).append(". Default: ");
      page.append(plain(option.defaultText())).append(".\n\n");
    }
  }

  /** Of Markdown's links the text; and no attribute, passthrough or pipe of AsciiDoc's. */
  private static String plain(String markdown) {
    return markdown.replaceAll("\\[([^]]*)\\]\\([^)]*\\)", "$1").replaceAll("`([^`]*)`", "`+$1+`");
  }
}

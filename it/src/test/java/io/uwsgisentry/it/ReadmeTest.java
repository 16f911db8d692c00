package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The ini at the head of the README works as it stands there, with another DSN and an application.
 */
class ReadmeTest {
  @RegisterExtension final Scene scene = new Scene();

  @Test
  void the_ini_of_the_readme_reports_an_exception_and_a_crash() throws IOException {
    Matcher block =
        Pattern.compile("```ini\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("../README.md")));
    assertThat(block.find()).isTrue();
    String ini = block.group(1);
    assertThat(ini.lines().filter(line -> line.contains("=")).count()).isEqualTo(5);
    UwsgiServer server =
        scene.server(
            ini.replace("https://KEY@HOST/PROJECT", "${dsn}")
                + """
                plugin = python3
                http-socket = 127.0.0.1:${port}
                wsgi-file = ${apps}/app.py
                sentry-dir = ${state}
                """);
    server.start();
    server.get("/raise?what=the-order");
    server.get("/segv");
    assertThat(scene.awaitEvent("exception", event -> Events.exceptionType(event).equals("Broken")))
        .containsEntry("level", "error");
    Map<String, Object> crash = scene.awaitEvent("backtrace");
    assertThat(crash).containsEntry("level", "fatal");
  }
}

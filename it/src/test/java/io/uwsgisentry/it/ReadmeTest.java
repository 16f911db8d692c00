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
  void the_ini_of_the_readme_reports_an_exception_a_crash_and_a_kill() throws IOException {
    Matcher block =
        Pattern.compile("```ini\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("../README.md")));
    assertThat(block.find()).isTrue();
    String ini = block.group(1);
    assertThat(ini.lines().filter(line -> line.contains("=")).count()).isEqualTo(5);
    assertThat(ini).contains("harakiri = 30").doesNotContain("sentry:");
    UwsgiServer server =
        scene.server(
            ini.replace("https://KEY@HOST/PROJECT", "${dsn}")
                    .replace("harakiri = 30", "harakiri = 2")
                + """
                plugin = python3
                http-socket = 127.0.0.1:${port}
                wsgi-file = ${apps}/app.py
                sentry-dir = ${state}
                """);
    server.start();
    server.get("/raise?what=the-order");
    server.get("/segv");
    server.get("/sleep?s=60");
    assertThat(await("Broken")).containsEntry("level", "error");
    assertThat(await("SIGSEGV in _ctypes")).containsEntry("level", "fatal");
    assertThat(await("HarakiriError")).containsEntry("environment", "production");
  }

  private Map<String, Object> await(String type) {
    return scene.awaitEvent(type, event -> Events.exceptionType(event).equals(type));
  }
}

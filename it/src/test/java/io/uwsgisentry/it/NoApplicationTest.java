package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server with a language's plugin that is meant to have no application has not failed. */
class NoApplicationTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      master = true
      sentry-dsn = ${dsn}
      """;

  /** The router in front gives each request the variable that names its application. */
  private static final String DYNAMIC =
      SERVER
              .replace("python3,sentry", "http,python3,sentry")
              .replace("http-socket = 127.0.0.1:${port}", "socket = ${dir}/socket")
          + """
          http = 127.0.0.1:${port}
          http-to = ${dir}/socket
          http-var = UWSGI_FILE=${dir}/named.py
          """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest
  @ValueSource(strings = {"", "lazy-apps = true", "import = json"})
  void files_are_served_in_silence(String option) {
    scene.file("page.txt", "a page");
    UwsgiServer server =
        scene.quietServer(SERVER + "check-static = ${dir}\n" + option + "\n").start();
    assertThat(server.get("/page.txt").body()).isEqualTo("a page");
    // Python answers that itself: it has no application.
    assertThat(server.get("/scanned.php").status()).isEqualTo(500);
    scene.noEventOf(server);
  }

  @Test
  void an_application_that_a_request_names_is_the_requests() {
    scene.file(
        "named.py",
        """
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/raise":
                raise ValueError("no milk left")
            start_response("200 OK", [])
            return [b"well"]
        """);
    UwsgiServer server = scene.server(DYNAMIC).startUntil("spawned uWSGI http 1");
    assertThat(server.get("/ok").body()).isEqualTo("well");
    server.request("GET", "/raise");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("ValueError");
  }

  @Test
  void one_that_does_not_load_fails_its_request_once() {
    scene.file("named.py", "import nowhere\n");
    UwsgiServer server = scene.server(DYNAMIC).startUntil("spawned uWSGI http 1");
    assertThat(server.get("/orders/7").status()).isEqualTo(500);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("ModuleNotFoundError");
    assertThat(Events.request(event).get("url").toString()).endsWith("/orders/7");
  }
}

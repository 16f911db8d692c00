package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A plugin that was built for another uWSGI does nothing, says so, and takes no server down. */
class MismatchTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,${other-plugin}
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      alarm = seen sentry:level=info
      alarm-log = seen ^FOO
      hook-asap = sentry:message=asap
      hook-accepting1-once = sentry:message=ready
      hook-as-user-atexit = sentry:message=end
      exception-handler = sentry:
      route = ^/ok sentry:message=$0 ${REQUEST_METHOD}
      route-run = sentry:message=run
      response-route-run = sentry:message=response
      final-route-run = sentry:message=final
      """;

  private static final String WORDS = "built for another uWSGI";

  @RegisterExtension final Scene scene = new Scene();

  /** The plugin, but for the version of uWSGI that it remembers. */
  @BeforeEach
  void another_build() throws IOException {
    byte[] plugin = Files.readAllBytes(Installation.ofThisRun().plugin());
    String bytes = new String(plugin, StandardCharsets.ISO_8859_1);
    String ours = "-DUWSGI_VERSION_REVISION=\"";
    assertThat(bytes).contains(ours);
    String theirs = ours.replace("REVISION", "REVISI0N");
    Path other = scene.directory().resolve("other/sentry_plugin.so");
    Files.createDirectories(other.getParent());
    Files.write(other, bytes.replace(ours, theirs).getBytes(StandardCharsets.ISO_8859_1));
    scene.define("other-plugin", other);
  }

  @Test
  void every_entry_point_is_there_and_does_nothing() {
    UwsgiServer server = scene.server(SERVER).start();
    for (String path : new String[] {"/ok", "/log?line=FOO", "/missing"}) {
      assertThat(server.get(path).status()).isIn(200, 404);
    }
    server.get("/raise");
    assertThat(server.get("/ok")).isEqualTo(new Http.Response(200, "ok\n"));
    // With alarm-log the log goes through the master, which may write it after the answer.
    server.awaitLog("Broken: cannot serve this");
    assertThat(server.logged(WORDS)).isEqualTo(1);
    assertThat(server.log()).contains("--build-plugin").doesNotContain("died");
    server.stop();
    assertThat(scene.state().path()).doesNotExist();
    assertThat(scene.receiver().connections()).isZero();
  }

  @Test
  void it_says_so_at_each_start() {
    UwsgiServer server = scene.server(SERVER).start();
    server.reload();
    assertThat(server.get("/ok").status()).isEqualTo(200);
    assertThat(server.logged(WORDS)).isEqualTo(2);
  }

  @Test
  void strict_stops_the_start() {
    UwsgiServer server = scene.server(SERVER.replace("[uwsgi]", "[uwsgi]\nstrict = true"));
    server.launch();
    assertThat(server.awaitEnd()).isNotZero();
    assertThat(server.log()).contains(WORDS).doesNotContain("spawned uWSGI");
  }
}

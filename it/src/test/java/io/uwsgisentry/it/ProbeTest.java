package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code uwsgi-sentry probe}: the launcher alone. */
class ProbeTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-drain = 0
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void it_says_whether_an_agent_runs() throws Exception {
    assertThat(probe()).startsWith("1: there is no state directory at ");
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/raise");
    scene.awaitEvents(1);
    assertThat(probe()).isEqualTo("0: an agent is running\n");
    server.stop();
    scene.state().awaitNoAgent();
    assertThat(probe()).startsWith("1: no agent is running for " + scene.state().path());
  }

  private String probe() throws Exception {
    String launcher = Path.of("../packaging/uwsgi-sentry").toRealPath().toString();
    Process process =
        scene.command("sh", launcher, "probe", scene.state().path().toString()).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() + ": " + said;
  }
}

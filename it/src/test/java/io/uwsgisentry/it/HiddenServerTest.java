package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.testkit.Patience;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A server that its agent cannot see in {@code /proc}: with {@code hidepid}, or {@code
 * ProtectProc=} of systemd, one that is root's and one that gave root up are hidden.
 */
class HiddenServerTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      uid = www-data
      gid = www-data
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-drain = 0
      route = ^/event sentry:message=event ${QUERY_STRING},level=info
      """;

  /** Its own mount of /proc in which others are hidden; the process stays the same. */
  private static final String[] HIDDEN = {
    "unshare", "-m", "sh", "-c", "mount -t proc -o hidepid=2 proc /proc && exec \"$@\"", "sh"
  };

  @RegisterExtension final Scene scene = new Scene();

  @ParameterizedTest
  @ValueSource(strings = {"master = true\nmaster-as-root = true\n", "master = true\n", ""})
  void its_agent_stays_while_it_runs_and_ends_after_it(String master) throws Exception {
    needsMounts();
    UwsgiServer server = scene.server(SERVER + master).through(HIDDEN).start();
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    scene.awaitEvent("event a");
    long agent = scene.state().awaitAgent();

    await()
        .during(Duration.ofSeconds(3))
        .atMost(Patience.SOON)
        .until(
            () -> scene.state().agents().stream().map(Processes.Running::pid).toList(),
            pids -> pids.equals(List.of(agent)));

    assertThat(server.get("/event?b").status()).isEqualTo(200);
    scene.awaitEvent("event b");
    assertThat(scene.state().agentLog()).containsOnlyOnce(" started, pid ");
    server.stop();
    scene.state().awaitNoAgent();
  }

  @Test
  void its_agent_ends_also_after_one_that_was_killed() throws Exception {
    needsMounts();
    UwsgiServer server =
        scene.server(SERVER + "master = true\nmaster-as-root = true\n").through(HIDDEN).start();
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    scene.awaitEvent("event a");

    server.signal("KILL");

    scene.state().awaitNoAgent();
    assertThat(scene.state().agentLog()).contains("the server is gone");
  }

  /** Before Linux 5.8 the option is not one of the mount's, and would hide the machine's too. */
  private void needsMounts() throws Exception {
    String[] release = System.getProperty("os.version").split("[.-]");
    int version = Integer.parseInt(release[0]) * 1000 + Integer.parseInt(release[1]);
    assumeTrue(Processes.root() && version >= 5008, "needs root and Linux 5.8: a /proc of its own");
    String[] probe = HIDDEN.clone();
    probe[4] = "mount -t proc -o hidepid=2 proc /proc";
    assumeTrue(scene.command(probe).start().waitFor() == 0, "needs to be allowed to mount a /proc");
  }
}

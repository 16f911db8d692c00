package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What the other tests rely on, shown with a uWSGI that has no plugin. */
class HarnessTest {
  @RegisterExtension final Scene scene = new Scene();

  private static final String PLAIN =
      """
      [uwsgi]
      plugin = python3
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      workers = 2
      """;

  @Test
  void a_server_starts_answers_and_stops() {
    UwsgiServer server = scene.server(PLAIN).start();
    assertThat(server.get("/ok")).isEqualTo(new Http.Response(200, "ok\n"));
    assertThat(server.get("/missing").status()).isEqualTo(404);
    server.stop();
    assertThat(server.running()).isFalse();
    assertThat(server.log()).contains("goodbye to uWSGI");
  }

  @Test
  void workers_are_known_by_their_latest_process() {
    UwsgiServer server = scene.server(PLAIN).start();
    server.awaitLog("worker 2 \\(");
    long first = server.workerPid(2);
    assertThat(Processes.parent(first)).isEqualTo(server.masterPid());
    Processes.signal(first, "KILL");
    server.awaitLog("Respawned uWSGI worker 2");
    assertThat(server.workerPid(2)).isNotEqualTo(first);
  }

  @Test
  void a_segfault_ends_the_request_and_not_the_test() {
    UwsgiServer server = scene.server(PLAIN).start();
    assertThat(server.get("/segv").status()).isZero();
    server.awaitLog("DAMN ! worker \\d \\(pid: \\d+\\) died");
  }

  @Test
  void a_server_that_does_not_start_fails_with_its_log() {
    UwsgiServer server = scene.server("[uwsgi]\nplugin = no-such-plugin\nneed-plugin = nor-this\n");
    assertThatThrownBy(server::start)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("ended with 1");
    assertThat(server.log()).contains("no-such-plugin");
  }

  @Test
  void what_a_test_started_is_found_by_its_mark_and_ended() throws Exception {
    Process orphan =
        scene.command("setsid", "sh", "-c", "sleep 600 & echo $!; exec >&-; wait").start();
    long pid = Long.parseLong(orphan.inputReader().readLine());
    orphan.destroyForcibly().waitFor();
    assertThat(Processes.alive(pid)).isTrue();
    scene.reap();
    // Killed means that its memory, and with it its mark, is gone; its end comes a moment later.
    await("process %d to end".formatted(pid)).until(() -> !Processes.alive(pid));
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A worker that dies between the plugin's look at it and uWSGI's own is collected before its death
 * was seen.
 *
 * <p>The moment between is held open: there uWSGI reads the pidfiles of its daemons, and two of
 * them are FIFOs here. At the first the master meets the worker's request, at the second it waits
 * for the test.
 */
class CaptureCollectedTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-drain = 30
      attach-daemon2 = cmd=sleep 1000,pidfile=${dir}/first,freq=100000
      attach-daemon2 = cmd=sleep 1000,pidfile=${dir}/second,freq=100000
      """;

  @RegisterExtension final Scene scene = new Scene();

  private Path first;
  private Path second;

  @BeforeEach
  void name_the_fifos() {
    first = scene.directory().resolve("first");
    second = scene.directory().resolve("second");
  }

  @Test
  void one_that_left_by_exit_died_of_the_code_that_it_said() throws Exception {
    UwsgiServer server = scene.server(SERVER).start();
    collectUnseen(server, "/quit?code=3", false);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("UnexpectedExit");
    assertThat(Events.exceptionValue(event)).isEqualTo("worker exited with code 3");
    assertThat(event).as("its successor has none").doesNotContainKey("request");
  }

  @Test
  void one_that_crashed_has_its_stack() throws Exception {
    UwsgiServer server = scene.server(SERVER).start();
    collectUnseen(server, "/segv?", false);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("SIGSEGV");
    assertThat(Events.functions(event)).isNotEmpty();
  }

  @Test
  void of_one_that_said_nothing_is_told_that_it_died() throws Exception {
    UwsgiServer server = scene.server(SERVER).start();
    collectUnseen(server, "/exit?code=3", false);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("UnexpectedDeath");
  }

  @Test
  void one_that_was_sent_away_and_went_is_no_incident() throws Exception {
    UwsgiServer server = scene.quietServer(SERVER).start();
    collectUnseen(server, "/ok?", true);
    scene.noEventOf(server);
  }

  /** Has the worker serve this request, and be gone before the master looks on. */
  private void collectUnseen(UwsgiServer server, String path, boolean sentAway) throws Exception {
    long worker = server.workerPid(1);
    // Daemons without a pidfile are started; from then on it is looked for once a second.
    server.awaitLog(Pattern.quote("open(\"" + second + "\")"));
    for (Path fifo : List.of(first, second)) {
      assertThat(scene.command("mkfifo", fifo.toString()).start().waitFor()).isZero();
    }
    server.get(path + "&until=" + first);
    if (sentAway) {
      Processes.signal(worker, "HUP");
    }
    await("worker " + worker + " to be gone").until(() -> !Processes.alive(worker));
    letGo();
    server.awaitLog("Respawned uWSGI worker 1");
  }

  /**
   * While the writer's end is open the master does not wait, and then there is no FIFO any more.
   */
  private void letGo() throws IOException {
    try (OutputStream held = Files.newOutputStream(second)) {
      Files.delete(first);
      Files.delete(second);
    }
  }
}

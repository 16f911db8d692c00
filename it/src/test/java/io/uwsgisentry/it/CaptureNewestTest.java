package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the newest uWSGI has of its own, and the rest of what it is to give as Debian's does: see
 * also the classes that run on each {@link Uwsgi}.
 */
class CaptureNewestTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  @BeforeAll
  static void compile() {
    NewestUwsgi.prepare(NewestUwsgi::get);
  }

  @RegisterExtension final Scene scene = new Scene();

  private final Golden golden = new Golden(scene);

  @Test
  void a_chain_of_exceptions_is_the_same_event() {
    UwsgiServer server = Uwsgi.NEWEST.server(scene, SERVER).start();
    server.request("GET", "/reserve?sku=milk&token=hush-query", "User-Agent: someone");
    golden.holds("exception_python", scene.onlyEventOf(server));
  }

  @Test
  void an_exception_in_a_worker_of_threads_that_is_reloaded_is_one_event() {
    UwsgiServer server =
        Uwsgi.NEWEST.server(scene, SERVER + "threads = 2\nreload-on-exception = true\n").start();
    server.get("/reserve");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.functions(event)).containsExactly("application", "reserve");
  }

  /** A worker that obeys ends by itself; one that does not is asked a second time, and killed. */
  @ParameterizedTest
  @ValueSource(strings = {"", "harakiri-graceful-signal = 23\n"})
  void a_kill_that_is_graceful_first_is_one_event(String deaf) {
    String graceful = SERVER + "harakiri = 2\nharakiri-graceful-timeout = 2\n" + deaf;
    UwsgiServer server = Uwsgi.NEWEST.server(scene, graceful).start();
    server.get("/wait?60");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "harakiri");
    assertThat(Events.functions(event)).containsExactly("application", "wait_for");
  }

  @Test
  void a_segmentation_fault_is_one_event() {
    UwsgiServer server = Uwsgi.NEWEST.server(scene, SERVER).start();
    server.get("/segv");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("SIGSEGV in _ctypes");
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The newest uWSGI gives the same events as Debian's. */
class CaptureNewestTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("plugins = python3,sentry", "plugin = sentry");

  private static NewestUwsgi newest;

  @RegisterExtension final Scene scene = new Scene();

  private final Golden golden = new Golden(scene);

  @BeforeAll
  static void build() throws Exception {
    newest = NewestUwsgi.get();
  }

  @Test
  void a_chain_of_exceptions_is_the_same_event() {
    UwsgiServer server = scene.server(SERVER).of(newest).start();
    server.request("GET", "/reserve?sku=milk&token=hush-query", "User-Agent: someone");
    golden.holds("exception_python", scene.onlyEventOf(server));
  }

  @Test
  void an_exception_in_a_worker_of_threads_that_is_reloaded_is_one_event() {
    UwsgiServer server =
        scene.server(SERVER + "threads = 2\nreload-on-exception = true\n").of(newest).start();
    server.get("/reserve");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.functions(event)).containsExactly("application", "reserve");
  }

  @Test
  void a_kill_is_the_same_event() {
    UwsgiServer server = scene.server(SERVER + "harakiri = 2\n").of(newest).start();
    assertThat(server.get("/wait?60").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    golden.holds("harakiri", scene.onlyEventOf(server));
  }

  @Test
  void a_kill_that_is_graceful_first_is_one_event() {
    UwsgiServer server =
        scene.server(SERVER + "harakiri = 2\nharakiri-graceful-timeout = 2\n").of(newest).start();
    server.get("/wait?60");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "harakiri");
  }

  @Test
  void a_segmentation_fault_is_one_event() {
    UwsgiServer server = scene.server(SERVER).of(newest).start();
    server.get("/segv");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("SIGSEGV");
  }
}

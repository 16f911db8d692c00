package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Deaths of workers that nobody in the worker can report: one event each; those meant to be, none.
 */
class CaptureDeathTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  /** For what the master has seen of a worker before its death. */
  private static final String SEEN = SERVER + "stats = ${dir}/stats\n";

  private static final String FAULTS = SEEN.replace("module = captured", "module = faults");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void a_segmentation_fault_comes_with_native_frames_their_modules_and_the_request() {
    UwsgiServer server = scene.server(SEEN).start();
    server.awaitMaster();
    server.request("GET", "/segv?token=hush", "Cookie: a=hush");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("death_by_segfault", withoutNativeParts(event));
    List<Map<String, Object>> frames = Events.frames(Events.exceptions(event).get(0));
    assertThat(Events.mechanism(Events.exceptions(event).get(0)))
        .as("of a synthetic exception servers show neither type nor value")
        .doesNotContainKey("synthetic");
    assertThat(frames)
        .hasSizeGreaterThan(10)
        .filteredOn(f -> !f.containsKey("platform"))
        .allSatisfy(f -> assertThat(f.get("instruction_addr").toString()).matches("0x[0-9a-f]+"));
    assertThat(frames)
        .as("the application's own lines, beside the interpreter's")
        .extracting(f -> f.get("function"))
        .containsSubsequence("_PyEval_EvalFrameDefault", "application", "string_at");
    assertThat(frames)
        .filteredOn(f -> "application".equals(f.get("function")))
        .allSatisfy(
            f ->
                assertThat(f)
                    .containsEntry("filename", "captured.py")
                    .containsEntry("context_line", "        ctypes.string_at(0)")
                    .containsEntry("platform", "python"));
    assertThat(frames.get(frames.size() - 1).toString())
        .as("our and uWSGI's handler is no part of the fault")
        .doesNotContain("uwsgi_segfault", "uwsgi_backtrace");
    assertThat(Events.images(event))
        .isNotEmpty()
        .allSatisfy(
            image -> {
              assertThat(image.get("type")).isEqualTo("elf");
              assertThat(image.get("code_id").toString()).matches("[0-9a-f]{16,}");
              assertThat(image.get("debug_id").toString()).matches("[0-9a-f-]{36}");
              assertThat(image.get("image_addr").toString()).matches("0x[0-9a-f]+");
            })
        .anySatisfy(image -> assertThat(image.get("code_file").toString()).contains("libpython3"));
    assertThat(event.toString()).doesNotContain("hush");
  }

  @Test
  void a_crash_is_the_librarys_also_where_pythons_faulthandler_came_first() {
    UwsgiServer server = scene.server(SEEN).environment("PYTHONFAULTHANDLER", "1").start();
    server.get("/segv");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("SIGSEGV in _ctypes");
    assertThat(Events.exceptionValue(event)).isEqualTo("GET /segv");
    assertThat(Events.functions(event))
        .as("frames of handlers are no part of the fault")
        .doesNotContain("gsignal", "raise", "pthread_kill", "__pthread_kill_implementation");
  }

  @Test
  void workers_that_die_as_soon_as_they_are_forked_are_told_each() {
    Path deaths = scene.file("deaths", "2");
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "module = stillborn")
                    + "lazy-apps = true\nsentry-fold = 0\n")
            .environment("DEATHS", deaths.toString())
            .start();
    assertThat(server.get("/").body()).isEqualTo("alive");
    assertThat(scene.eventsOf(server, 2)).extracting(Events::exceptionType).containsOnly("SIGKILL");
  }

  @Test
  void an_abort_names_its_signal_and_the_request() {
    assertDeath("/abort", "death_by_abort");
  }

  /** None of them has a handler of uWSGI's, which would print where the native code was. */
  @ParameterizedTest
  @CsvSource({
    "/abort, SIGABRT, application",
    "/bus,   SIGBUS,  beyond_the_end",
    "/ill,   SIGILL,  application",
  })
  void any_signal_of_a_crash_comes_with_the_line_of_the_application(
      String path, String type, String function) {
    UwsgiServer server = scene.server(FAULTS).start();
    assertThat(server.get(path).status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(server.log()).contains("killed by signal");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo(type);
    assertThat(Events.functions(event)).endsWith(function);
    assertThat(event).containsEntry("level", "fatal").containsEntry("transaction", "GET " + path);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/thread", "/core"})
  void a_crash_in_another_thread_is_told_as_one_in_the_first(String path) {
    UwsgiServer server = scene.server(FAULTS + "threads = 2\n").start();
    // Two, so that one is served by the second core.
    server.getLater(path);
    server.getLater(path);
    server.awaitLog("Respawned uWSGI worker 1");
    scene.awaitEvents(1);
    server.stop();
    scene.awaitNoAgent();
    // The one that came later may have met the next worker, and crashed that as well.
    assertThat(scene.receiver().events())
        .hasSizeBetween(1, 2)
        .allSatisfy(
            event -> {
              assertThat(Events.exceptionType(event)).isEqualTo("SIGSEGV in _ctypes");
              assertThat(Events.functions(event)).containsSubsequence("in_a_thread", "string_at");
            });
  }

  @Test
  void an_exit_in_the_middle_of_a_request_names_its_code() {
    assertDeath("/exit", "death_by_exit");
  }

  private void assertDeath(String path, String name) {
    UwsgiServer server = scene.server(SEEN).start();
    server.awaitMaster();
    assertThat(server.get(path).status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    golden.holds(name, scene.onlyEventOf(server));
  }

  @Test
  void a_kill_from_outside_names_its_signal_and_the_request_in_flight() throws Exception {
    UwsgiServer server = scene.server(SEEN + "log-master = true\n").start();
    server.awaitMaster();
    var answer = server.getLater("/wait?60");
    server.awaitLog("waiting");
    Processes.signal(server.workerPid(1), "KILL");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(answer.get().status()).isZero();
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(event.remove("breadcrumbs").toString()).contains("uWSGI");
    golden.holds("death_by_kill", event);
  }

  @Test
  void an_idle_worker_that_is_killed_has_no_request() {
    UwsgiServer server = scene.server(SEEN).start();
    server.get("/ok");
    server.awaitIdle();
    Processes.signal(server.workerPid(1), "KILL");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(scene.onlyEventOf(server)).doesNotContainKeys("request", "transaction");
  }

  @Test
  void a_graceful_reload_is_no_event() {
    UwsgiServer server = scene.quietServer(SERVER + "workers = 2\n").start();
    server.get("/ok");
    server.reload();
    server.awaitLog("(?s)gracefully.*spawned uWSGI worker 2");
    server.get("/ok");
    scene.noEventOf(server);
  }

  @Test
  void a_chain_reload_is_no_event() {
    UwsgiServer server =
        scene
            .quietServer(SERVER + "workers = 2\nlazy-apps = true\nmaster-fifo = ${dir}/fifo\n")
            .start();
    server.awaitLog("spawned uWSGI worker 2");
    server.get("/ok");
    server.fifo('c');
    server.awaitLog("(?s)Respawned uWSGI worker.*chain reloading complete");
    server.get("/ok");
    scene.noEventOf(server);
  }

  @Test
  void a_worker_that_served_its_max_requests_is_no_event() {
    UwsgiServer server =
        scene.quietServer(SERVER + "max-requests = 3\nmin-worker-lifetime = 0\n").start();
    for (int i = 0; i < 3; i++) {
      server.get("/ok");
    }
    server.awaitLog("Respawned uWSGI worker 1");
    server.get("/ok");
    scene.noEventOf(server);
  }

  @Test
  void a_worker_that_the_cheaper_ends_is_no_event() {
    UwsgiServer server =
        scene
            .quietServer(
                SERVER
                    + """
                    workers = 3
                    cheaper = 1
                    cheaper-initial = 3
                    cheaper-step = 1
                    """)
            .start();
    server.awaitLog("cheaped");
    server.get("/ok");
    scene.noEventOf(server);
  }

  @Test
  void a_worker_that_outgrew_its_limit_is_no_event() {
    UwsgiServer server =
        scene.quietServer(SERVER + "reload-on-rss = 1\nmin-worker-lifetime = 0\n").start();
    server.get("/ok");
    server.awaitLog("Respawned uWSGI worker 1");
    scene.noEventOf(server);
  }

  /** Addresses and libraries are the machine's. */
  private static Map<String, Object> withoutNativeParts(Map<String, Object> event) {
    Map<String, Object> rest = new java.util.TreeMap<>(event);
    rest.remove("debug_meta");
    rest.put(
        "exception",
        Events.exceptions(event).stream()
            .map(
                e -> {
                  Map<String, Object> brief = new java.util.TreeMap<>(e);
                  brief.remove("stacktrace");
                  Map<String, Object> mechanism = new java.util.TreeMap<>(Events.mechanism(e));
                  mechanism.remove("synthetic");
                  brief.put("mechanism", mechanism);
                  return brief;
                })
            .toList());
    return rest;
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Other Pythons than the distribution's. Those built from source may hide the function behind
 * faulthandler: where a request stood is told all the same, and the application finds its process
 * as it would be without us.
 *
 * <p>{@code -Duwsgisentry.pythons=3.9,3.12} names them; each is compiled into a uWSGI of its own.
 */
@ParameterizedClass
@MethodSource("versions")
class CapturePythonTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  @Parameter String version;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  static List<String> versions() {
    List<String> versions = List.of(System.getProperty("uwsgisentry.pythons", "3.13").split(","));
    versions.forEach(version -> NewestUwsgi.prepare(() -> NewestUwsgi.with(version)));
    return versions;
  }

  @Test
  void a_chain_of_exceptions_comes_with_frames_source_and_locals() {
    UwsgiServer server = server(SERVER).start();
    server.request("GET", "/reserve?sku=milk&token=hush-query", "User-Agent: someone");
    golden.holds("exception_python", scene.onlyEventOf(server));
    assertThat(server.log()).doesNotContain("code of the application was called");
  }

  @Test
  void a_kill_in_c_code_that_holds_the_interpreter_shows_the_line() {
    UwsgiServer server = server(SERVER + "harakiri = 8\n").start();
    assertThat(server.get("/backtrack").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "harakiri");
    assertThat(Events.functions(event)).containsSubsequence("application", "backtrack");
  }

  @Test
  void slow_requests_among_threads_show_each_its_own_stack() throws Exception {
    UwsgiServer server = server(SERVER + "threads = 4\nsentry-slow-request = 0.5\n").start();
    CompletableFuture<Http.Response> spinning = server.getLater("/spin?6");
    server.awaitLog("spinning");
    assertThat(server.get("/wait?6").status()).isEqualTo(200);
    assertThat(spinning.get().status()).isEqualTo(200);
    List<Map<String, Object>> events = scene.eventsOf(server, 2);
    assertThat(events)
        .extracting(e -> e.get("transaction") + " " + String.join(" ", Events.functions(e)))
        .containsExactlyInAnyOrder(
            "GET /spin application spin_for", "GET /wait application wait_for");
  }

  @Test
  void an_exception_that_ends_a_thread_is_told() {
    UwsgiServer server = server(SERVER + "enable-threads = true\n").start();
    assertThat(server.get("/thread").status()).isEqualTo(200);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.functions(event)).endsWith("run", "reserve");
    assertThat(Events.extra(event)).containsEntry("thread", "mailer");
  }

  @Test
  void a_mule_that_takes_too_long_shows_where_it_stood() {
    String mule =
        scene
            .file(
                "mule.py",
                """
                import time, uwsgi

                def stand_still():
                    uwsgi.set_user_harakiri(2)
                    time.sleep(600)

                if uwsgi.mule_id():
                    stand_still()
                """)
            .toString();
    UwsgiServer server = server(SERVER + "mule = " + mule + "\n").start();
    server.awaitLog("OOOPS mule 1");
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.functions(event)).endsWith("stand_still");
  }

  /** The same signals are handled as without us, and the application's faulthandler is its own. */
  @Test
  void the_applications_own_faulthandler_and_signals_are_left_alone() throws IOException {
    scene.file(
        "faulty.py",
        """
        import faulthandler, os, signal
        from captured import application as captured

        dumped = open("${dir}/dumped", "w")

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/dump":
                faulthandler.register(signal.SIGUSR2, file=dumped, all_threads=True)
                os.kill(os.getpid(), signal.SIGUSR2)
                faulthandler.unregister(signal.SIGUSR2)
            if environ["PATH_INFO"] == "/enabled":
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [str(faulthandler.is_enabled()).encode()]
            return captured(environ, start_response)
        """);
    String ini =
        SERVER.replace("module = captured", "module = faulty\npythonpath = ${dir}")
            + "sentry-slow-request = 1\nharakiri = 20\n";
    UwsgiServer without = server(ini + "sentry-capture = none\n").start();
    assertThat(without.get("/ok").status()).isEqualTo(200);
    List<String> signals = signals(without.workerPid(1));
    without.stop();

    UwsgiServer server = server(ini).start();
    assertThat(server.get("/enabled").body()).isEqualTo("False");
    assertThat(signals(server.workerPid(1))).isEqualTo(signals);
    assertThat(server.get("/wait?5").status()).isEqualTo(200);
    assertThat(server.get("/dump").status()).isEqualTo(200);
    assertThat(Files.readString(scene.directory().resolve("dumped")))
        .contains("in application")
        .contains("Current thread 0x");
    // Any request is slow on a machine that stands still.
    Map<String, Object> event =
        scene.awaitEvent("/wait", e -> "GET /wait".equals(e.get("transaction")));
    assertThat(Events.functions(event)).endsWith("wait_for");
  }

  /** Without the two that the C library keeps to itself, and handles in a process with threads. */
  private static List<String> signals(long pid) throws IOException {
    long libc = 1L << 31 | 1L << 32;
    // SIGILL, SIGABRT and SIGBUS, for the Python line of a crash where nothing else handles them.
    long crashes = 1L << 3 | 1L << 5 | 1L << 6;
    return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
        .filter(line -> line.matches("Sig(Blk|Ign|Cgt):.*"))
        .map(line -> line.split(":\\s*"))
        .map(
            parts ->
                parts[0]
                    + Long.toHexString(Long.parseUnsignedLong(parts[1], 16) & ~(libc | crashes)))
        .toList();
  }

  private UwsgiServer server(String ini) {
    return NewestUwsgi.with(version).server(scene, ini);
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that take too long: killed or not, one event each, with the line where they stood. */
@ParameterizedClass
@MethodSource("io.uwsgisentry.it.Uwsgi#each")
class CaptureHarakiriTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  /** With seconds between the first stack and the kill, in which the machine may stand still. */
  private static final String KILLING = SERVER + "harakiri = 5\nsentry-slow-request = 0.3\n";

  @Parameter Uwsgi uwsgi;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void a_kill_shows_the_line_where_the_request_stood() {
    Map<String, Object> event = killed(KILLING, "/wait?60");
    golden.holds("harakiri", event);
    assertThat(Events.context(event, "process").get("syscall").toString()).contains("nanosleep");
  }

  /** Of the server's own limit nothing is said where the application has set another. */
  @Test
  void a_limit_that_the_application_sets_for_a_request_is_the_one_named() {
    scene.file(
        "limited.py",
        """
        import time, uwsgi

        def application(environ, start_response):
            uwsgi.set_user_harakiri(2)
            time.sleep(60)
        """);
    Map<String, Object> event =
        killed(
            SERVER.replace("module = captured", "pythonpath = ${dir}\nmodule = limited")
                + "harakiri = 100\n",
            "/report");
    assertThat(Events.exceptionValue(event))
        .matches("GET /report took longer than harakiri allows \\([23] s, set for this request\\)");
  }

  @Test
  void c_code_that_holds_the_interpreter_does_not_hide_the_line() {
    Map<String, Object> event = killed(SERVER + "harakiri = 8\n", "/backtrack");
    assertThat(stack(event)).contains("application", "backtrack");
  }

  @Test
  void under_another_user_and_with_threads_the_line_is_the_killed_requests() {
    assumeTrue(Processes.root(), "needs root: a server that gives it up");
    Map<String, Object> event =
        killed(KILLING + "uid = www-data\ngid = www-data\nthreads = 3\n", "/wait?60");
    assertThat(stack(event)).containsSubsequence("application", "wait_for");
    assertThat(Events.threads(event).size()).isGreaterThan(1);
  }

  @Test
  void a_slow_request_that_ends_is_told_with_the_line_where_it_stood() {
    UwsgiServer server = uwsgi.server(scene, SERVER + "sentry-slow-request = 0.5\n").start();
    assertThat(server.get("/wait?5").status()).isEqualTo(200);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(stack(event)).containsSubsequence("application", "wait_for");
    golden.holds("slow_request", event);
  }

  @Test
  void a_request_within_the_limit_is_no_event() {
    UwsgiServer server = uwsgi.server(scene, Scene.quiet(SERVER + "harakiri = 20\n")).start();
    assertThat(server.get("/wait?1").status()).isEqualTo(200);
    scene.noEventOf(server);
  }

  @Test
  void a_slow_request_that_is_killed_is_one_event() {
    Map<String, Object> event = killed(KILLING, "/wait?60");
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "harakiri");
    assertThat(stack(event)).containsSubsequence("application", "wait_for");
  }

  @Test
  void a_kill_does_not_show_where_an_earlier_request_stood() {
    UwsgiServer server =
        uwsgi.server(scene, SERVER + "harakiri = 3\nsentry-slow-request = 0.5\n").start();
    assertThat(server.get("/wait?1.2").status()).isEqualTo(200);
    long worker = server.workerPid(1);
    var answer = server.getLater("/spin?60");
    server.awaitLog("spinning");
    // Stopped like this it cannot look where it stands.
    Processes.signal(worker, "STOP");
    assertThat(answer.join().status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    List<Map<String, Object>> events = scene.eventsOf(server, 2);
    assertThat(events)
        .extracting(e -> Events.tags(e).get("uwsgi.kind"))
        .containsExactlyInAnyOrder("slow", "harakiri");
    assertThat(events)
        .filteredOn(e -> "harakiri".equals(Events.tags(e).get("uwsgi.kind")))
        .allSatisfy(e -> assertThat(stack(e)).doesNotContain("wait_for"));
  }

  private Map<String, Object> killed(String ini, String path) {
    UwsgiServer server = uwsgi.server(scene, ini).start();
    assertThat(server.get(path).status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    return scene.onlyEventOf(server);
  }

  /** Where the request stood: the functions of the stack that Sentry shows first. */
  private static List<String> stack(Map<String, Object> event) {
    List<String> functions = Events.functions(event);
    return !functions.isEmpty()
        ? functions
        : Events.threads(event).stream().flatMap(t -> Events.functionsOf(t).stream()).toList();
  }
}

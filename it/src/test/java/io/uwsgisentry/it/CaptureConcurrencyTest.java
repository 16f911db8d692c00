package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several requests in one worker, in each of uWSGI's ways: every event tells its own. */
@ParameterizedClass
@MethodSource("io.uwsgisentry.it.Uwsgi#each")
class CaptureConcurrencyTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;
  private static final String GEVENT =
      SERVER.replace("plugins = python3,sentry", "plugins = python3,gevent_python3,sentry")
          + "gevent = 10\nenable-threads = true\nsocket-timeout = 30\n";
  private static final String GREENLET =
      SERVER.replace("plugins = python3,sentry", "plugins = python3,greenlet_python3,sentry")
          + "async = 10\ngreenlet = true\n";
  private static final String UGREEN =
      SERVER.replace("plugins = python3,sentry", "plugins = python3,ugreen,sentry")
          + "async = 10\nugreen = true\n";
  private static final String THREADS = SERVER + "threads = 4\n";
  private static final String OTHER_USER = "uid = www-data\ngid = www-data\n";

  @Parameter Uwsgi uwsgi;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void exceptions_in_threads_tell_their_own_requests() throws Exception {
    tellTheirOwn(THREADS, "threads");
  }

  @Test
  void exceptions_in_threads_under_another_user_tell_their_own_requests() throws Exception {
    needsRoot();
    tellTheirOwn(THREADS + OTHER_USER, "threads");
  }

  @Test
  void exceptions_in_greenlets_of_gevent_tell_their_own_requests() throws Exception {
    tellTheirOwn(GEVENT, "async");
  }

  @Test
  void exceptions_in_greenlets_tell_their_own_requests() throws Exception {
    tellTheirOwn(GREENLET, "async");
  }

  /**
   * One after the other: requests that take turns crash Python 3.11 under ugreen, without us too.
   */
  @Test
  void exceptions_in_green_threads_tell_their_own_requests() {
    UwsgiServer server = uwsgi.server(scene, UGREEN).start();
    server.get("/reserve?ale");
    server.get("/reserve?bun");
    assertThat(scene.eventsOf(server, 2))
        .allSatisfy(e -> assertThat(Events.functions(e)).containsExactly("application", "reserve"))
        .extracting(e -> Events.request(e).get("query_string"))
        .containsExactly("ale", "bun");
  }

  /** Three requests that fail together: of each the causes, the frames, the locals, the request. */
  private void tellTheirOwn(String ini, String mode) throws Exception {
    UwsgiServer server = uwsgi.server(scene, ini).start();
    List<CompletableFuture<Http.Response>> answers = new ArrayList<>();
    for (String name : List.of("ale", "bun", "cod")) {
      answers.add(server.getLater("/meet?" + name));
    }
    for (CompletableFuture<Http.Response> answer : answers) {
      assertThat(answer.get().status()).isIn(0, 500);
    }
    List<Map<String, Object>> events = scene.eventsOf(server, 3);
    for (Map<String, Object> event : events) {
      String name = Events.request(event).get("query_string").toString();
      assertThat(Events.exceptions(event))
          .extracting(e -> e.get("type") + ": " + e.get("value"))
          .containsExactly("KeyError: '" + name + "'", "OutOfStock: no " + name + " left");
      assertThat(Events.functions(event)).containsExactly("application", "meet", "reserve");
      assertThat(Events.frames(Events.exceptions(event).get(1)).get(1).get("vars"))
          .isEqualTo(Map.of("name", "'" + name + "'"));
      assertThat(Events.context(event, "uwsgi")).containsEntry("mode", mode).containsKey("core");
    }
    assertThat(events)
        .extracting(e -> Events.request(e).get("query_string"))
        .containsExactlyInAnyOrder("ale", "bun", "cod");
    assertThat(events)
        .extracting(e -> Events.context(e, "uwsgi").get("core"))
        .doesNotHaveDuplicates();
  }

  /** Python's threading is looked at before the application is loaded, and so before it patches. */
  @ParameterizedTest
  @ValueSource(strings = {"", "lazy-apps = true\n"})
  void an_application_that_patches_threads_finds_them_as_without_us(String lazy) {
    String ini = GEVENT.replace("module = captured", "module = patched") + lazy;
    List<String> seen = new ArrayList<>();
    for (String capture : List.of("none", "all")) {
      UwsgiServer server =
          uwsgi.server(scene, Scene.quiet(ini + "sentry-capture = " + capture + "\n")).start();
      seen.add(server.get("/").body());
      server.stop();
      assertThat(server.log()).doesNotContain("KeyError", "Exception ignored");
    }
    assertThat(seen.get(0)).contains("a greenlet ran");
    assertThat(seen.get(1)).isEqualTo(seen.get(0));
    scene.awaitNoAgent();
    assertThat(scene.receiver().events())
        .allSatisfy(event -> assertThat(event).containsEntry("level", "info"));
  }

  @Test
  void a_kill_under_gevent_shows_what_kept_all_requests_from_going_on() {
    UwsgiServer server =
        uwsgi.server(scene, GEVENT + "harakiri = 5\nsentry-slow-request = 0.3\n").start();
    assertThat(server.get("/spin?60").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "harakiri");
    assertThat(Events.functions(event)).endsWith("application", "spin_for");
    golden.holds("harakiri_under_gevent", event);
  }

  @Test
  void a_slow_request_under_gevent_that_waited_does_not_show_the_stack_of_another() {
    UwsgiServer server = uwsgi.server(scene, GEVENT + "sentry-slow-request = 1\n").start();
    assertThat(server.get("/rest?2").status()).isEqualTo(200);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "slow");
    assertThat(Events.functions(event)).isEmpty();
    golden.holds("slow_request_under_gevent", event);
  }

  @Test
  void a_kill_in_green_threads_shows_where_it_was_stuck() {
    UwsgiServer server =
        uwsgi.server(scene, UGREEN + "harakiri = 5\nsentry-slow-request = 0.3\n").start();
    assertThat(server.get("/spin?60").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.functions(scene.onlyEventOf(server))).endsWith("application", "spin_for");
  }

  @Test
  void a_slow_request_among_threads_under_another_user_shows_its_own_stack() throws Exception {
    needsRoot();
    UwsgiServer server =
        uwsgi.server(scene, THREADS + OTHER_USER + "sentry-slow-request = 0.5\n").start();
    CompletableFuture<Http.Response> spinning = server.getLater("/spin?6");
    server.awaitLog("spinning");
    assertThat(server.get("/wait?6").status()).isEqualTo(200);
    assertThat(spinning.get().status()).isEqualTo(200);
    assertThat(scene.eventsOf(server, 2))
        .extracting(e -> e.get("transaction") + " " + last(Events.functions(e)))
        .containsExactlyInAnyOrder("GET /spin spin_for", "GET /wait wait_for");
  }

  private static String last(List<String> list) {
    return list.isEmpty() ? "" : list.get(list.size() - 1);
  }

  private static void needsRoot() {
    assumeTrue(Processes.root(), "needs root: a server that gives it up");
  }
}

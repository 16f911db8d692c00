package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is captured where, and that an incident stays one event beside handlers of the user's. */
class CaptureChoiceTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @Test
  void none_captures_nothing() {
    UwsgiServer server =
        scene.quietServer(SERVER + "sentry-capture = none\nharakiri = 2\n").start();
    breakIn(server, "/reserve", "/segv", "/exit", "/wait?60");
    scene.noEventOf(server);
  }

  @Test
  void an_address_from_the_environment_alone_captures_nothing() {
    UwsgiServer server =
        scene
            .quietServer(SERVER.replace("sentry-dsn = ${dsn}\n", ""))
            .environment("SENTRY_DSN", scene.receiver().dsn())
            .start();
    breakIn(server, "/reserve", "/segv");
    scene.noEventOf(server);
  }

  @Test
  void an_address_from_the_environment_is_used_for_what_is_to_be_captured() {
    UwsgiServer server =
        scene
            .server(SERVER.replace("sentry-dsn = ${dsn}\n", "sentry-capture = all\n"))
            .environment("SENTRY_DSN", scene.receiver().dsn())
            .start();
    breakIn(server, "/reserve");
    assertThat(Events.exceptions(scene.onlyEventOf(server))).hasSize(2);
  }

  @Test
  void a_list_captures_what_it_names() {
    UwsgiServer server = scene.server(SERVER + "sentry-capture = crashes, harakiri\n").start();
    breakIn(server, "/reserve", "/exit");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("UnexpectedExit");
  }

  @Test
  void an_exception_handler_of_the_users_tells_it_in_our_place() {
    UwsgiServer server = scene.server(SERVER + "exception-handler = sentry:level=fatal\n").start();
    breakIn(server, "/reserve");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(event).containsEntry("level", "fatal");
    assertThat(Events.functions(event)).containsExactly("application", "reserve");
  }

  /** Also where capture as such is off, and where the log goes through the master. */
  @ParameterizedTest
  @ValueSource(strings = {"", "sentry-capture = none", "log-master = true"})
  void an_alarm_of_the_users_and_the_death_it_belongs_to_are_one_event(String more) {
    UwsgiServer server =
        scene
            .server(
                SERVER
                    + """
                    alarm = crashed sentry:level=warning,tags=pager:yes
                    alarm-segfault = crashed
                    """
                    + more
                    + "\n")
            .start();
    breakIn(server, "/segv?page=2");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(event).containsEntry("level", "warning");
    assertThat(Events.tags(event))
        .containsEntry("uwsgi.handler", "alarm crashed")
        .containsEntry("uwsgi.kind", "death")
        .containsEntry("uwsgi.worker", "1")
        .containsEntry("pager", "yes");
    assertThat(Events.exceptionType(event)).isEqualTo("SIGSEGV in _ctypes");
    assertThat(Events.exceptionValue(event)).isEqualTo("GET /segv");
    assertThat(Events.functions(event)).contains("_PyEval_EvalFrameDefault");
    assertThat(Events.request(event)).containsEntry("query_string", "page=2");
    assertThat(event).doesNotContainKey("logentry");
  }

  /** What is waited for is the death of the process that the backtrace is of. */
  @Test
  void an_alarm_of_a_crash_that_no_death_follows_is_an_event_of_its_own() {
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "module = alarmed")
                    + "alarm = crashed sentry:\nalarm-segfault = crashed\n")
            .start();
    assertThat(server.get("/?crashed").status()).isEqualTo(200);
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "alarm");
    assertThat(Events.exceptionValue(event)).isEqualTo("a process crashed");
  }

  @Test
  void what_tells_who_the_client_is_goes_along_only_if_asked_for() {
    UwsgiServer server = scene.server(SERVER + "sentry-send-default-pii = true\n").start();
    server.request("GET", "/reserve", "Cookie: lang=de; sessionid=hush");
    Map<String, Object> request = Events.request(scene.onlyEventOf(server));
    assertThat(request.toString()).contains("lang=de", "127.0.0.1").doesNotContain("hush");
  }

  @Test
  void a_number_of_log_lines_that_is_none_is_told_and_strict_stops_there() {
    String odd = SERVER + "sentry-breadcrumbs = many\n";
    UwsgiServer server = scene.server(odd).start();
    assertThat(server.log()).contains("sentry-breadcrumbs = many is not a number of log lines");
    server.stop();
    UwsgiServer strict = scene.server(odd.replace("[uwsgi]", "[uwsgi]\nstrict = true")).launch();
    assertThat(strict.awaitEnd()).isNotZero();
    assertThat(strict.log()).doesNotContain("spawned uWSGI");
  }

  private static void breakIn(UwsgiServer server, String... paths) {
    for (String path : paths) {
      assertThat(server.get(path).status()).isIn(0, 500);
    }
    if (server.log().contains("died")) {
      server.awaitLog("Respawned uWSGI worker 1");
    }
  }
}

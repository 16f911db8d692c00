package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What could be seen twice is one event, the one that says more. */
class OneIncidentTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured", "module = clients");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest
  @CsvSource({"0, ''", "3, ''", "1, ''", "3, log-master = true"})
  void an_exit_in_a_request_is_the_exception_that_it_is(int code, String more) {
    UwsgiServer server = scene.server(SERVER + more + "\n").start();
    server.get("/quit?" + code);
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("SystemExit");
    assertThat(Events.functions(event)).containsExactly("application");
  }

  @Test
  void where_exceptions_are_not_captured_it_is_a_death() {
    UwsgiServer server = scene.server(SERVER + "sentry-capture = crashes\n").start();
    server.get("/quit?3");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("UnexpectedExit");
  }

  @Test
  void an_exit_after_an_exception_that_is_reported_is_no_death() {
    assumeTrue(Installation.hasPython("django"), "needs Python's django");
    UwsgiServer server =
        scene.server(SERVER.replace("module = clients", "module = clients_django")).start();
    assertThat(server.get("/fail").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.exceptionValue(scene.onlyEventOf(server))).isEqualTo("nothing left to do");
  }

  @Test
  void a_slow_request_that_fails_is_its_exception() {
    UwsgiServer server = scene.server(SERVER + "sentry-slow-request = 0.2\n").start();
    server.get("/late?0.4");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionValue(event)).isEqualTo("late and wrong");
    assertThat(Events.number(Events.context(event, "uwsgi"), "request_milliseconds"))
        .isGreaterThan(200);
  }
}

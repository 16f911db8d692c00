package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A start that fails for an option: uWSGI's own reason, which it prints and says to nobody else.
 */
class FailedStartTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured\n", "");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  /** The first is found as options are read: no plugin was asked for anything then. */
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "strict = true\\nworkrs = 4 | [strict-mode] unknown config directive: workrs",
        "socket = 192.0.2.1:1 | bind(): Cannot assign requested address",
        "chdir = /nowhere | chdir(): No such file or directory",
        "exec-pre-app = false | command \"false\" exited with non-zero code: 1",
        "logto = /nowhere/log | No such file or directory",
        "log-master = true\\nuid = nobody-of-this-name | user nobody-of-this-name not found."
      })
  void the_reason_is_the_line_that_uwsgi_printed(String option, String reason) {
    failsFor(reason, scene.server(SERVER + option.replace("\\n", "\n") + "\n"));
  }

  /** Another linker's work: where its functions' addresses are, and whether they can be written. */
  @Test
  void the_reason_is_known_of_the_newest_uwsgi_too() {
    failsFor(
        "bind(): Cannot assign requested address",
        NewestUwsgi.get().server(scene, SERVER + "socket = 192.0.2.1:1\n"));
  }

  private void failsFor(String reason, UwsgiServer server) {
    server.launch();
    server.awaitEnd();
    List<Map<String, Object>> events = scene.awaitEvents(1);
    scene.awaitNoAgent();
    assertThat(events).hasSize(1);
    assertThat(Events.exceptionType(events.get(0))).isEqualTo("BootError");
    assertThat(Events.exceptionValue(events.get(0))).contains(reason);
    assertThat(server.log()).contains(reason);
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.testkit.Patience;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code sentry-ignore} names is counted and not sent. */
class IgnoreTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "OutOfStock",
        "captured.OutOfStock",
        "ValueError, captured.*",
        "OutOfStock: no *left",
        "*: no milk left"
      })
  void a_rule_by_type_or_message(String rule) {
    UwsgiServer server =
        scene.server(SERVER + "sentry-ignore = KeyError\nsentry-ignore = " + rule + "\n").start();
    server.get("/reserve");
    await()
        .atMost(Patience.SOON)
        .until(() -> scene.state().counted(Counter.Name.IGNORED), found -> found == 1);
    server.get("/exit");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.exceptionType(scene.onlyEventOf(server)))
        .as("what no rule names is sent")
        .isEqualTo("UnexpectedExit");
  }

  @Test
  void a_rule_about_what_is_no_exception() {
    UwsgiServer server =
        scene
            .quietServer(
                SERVER
                    + "sentry-ignore = UnexpectedExit: *GET /exit\n"
                    + "sentry-ignore = *: uWSGI reached hook-*\n"
                    + "hook-post-app = sentry:\n")
            .start();
    server.get("/exit");
    server.awaitLog("Respawned uWSGI worker 1");
    await()
        .atMost(Patience.SOON)
        .until(() -> scene.state().counted(Counter.Name.IGNORED), found -> found == 2);
    scene.noEventOf(server);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "*                   | would ignore everything",
        "A, B: text          | several types before a message",
        ": text              | lacks a type",
        "OutOfStock: *left\\ | ends in a single backslash",
      })
  void a_rule_that_means_nothing_is_named_and_ignores_nothing(String rule, String fault) {
    String ini = SERVER + "sentry-ignore = " + rule + "\n";
    UwsgiServer server = scene.server(ini).start();
    assertThat(server.log()).contains("sentry-ignore = " + rule, fault, "it ignores nothing");
    server.get("/reserve");
    assertThat(Events.exceptions(scene.onlyEventOf(server)))
        .last()
        .satisfies(last -> assertThat(last).containsEntry("type", "OutOfStock"));
    assertThat(scene.state().advice())
        .as("status")
        .anyMatch(line -> line.contains("sentry-ignore"));
    UwsgiServer strict = scene.server(ini.replace("[uwsgi]", "[uwsgi]\nstrict = true")).launch();
    assertThat(strict.awaitEnd()).isNotZero();
  }
}

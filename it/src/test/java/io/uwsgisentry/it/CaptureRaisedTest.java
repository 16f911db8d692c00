package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Exceptions of Python that are more than a type and a text, and what else a request says. */
class CaptureRaisedTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured", "module = raised");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @Test
  void all_members_of_a_group_are_told_with_their_causes_and_notes() {
    scene.server(SERVER).start().get("/group");
    List<Map<String, Object>> values = Events.exceptions(scene.awaitEvents(1).get(0));
    assertThat(values)
        .extracting(
            value -> value.get("type"),
            value -> Events.mechanism(value).get("exception_id"),
            value -> Events.mechanism(value).get("parent_id"),
            value -> Events.mechanism(value).get("source"),
            value -> Events.mechanism(value).get("is_exception_group"))
        .containsExactly(
            tuple("KeyError", 4L, 3L, "exceptions[0]", null),
            tuple("ExceptionGroup", 3L, 0L, "exceptions[1]", true),
            tuple("KeyError", 2L, 1L, "__cause__", null),
            tuple("ValueError", 1L, 0L, "exceptions[0]", null),
            tuple("ExceptionGroup", 0L, null, null, true));
    assertThat(values.get(4).get("value").toString())
        .isEqualTo("two of three failed (2 sub-exceptions)\ntable 17\nat noon");
    assertThat(Events.functionsOf(values.get(0))).endsWith("one");
    assertThat(Events.functionsOf(values.get(3))).endsWith("two");
  }

  @Test
  void a_syntax_error_shows_its_own_file_and_line() {
    Path misspelt = scene.file("misspelt.py", "a = 1\nb = (2\nc = 3\n");
    scene.server(SERVER).environment("MISSPELT", misspelt.toString()).start().get("/misspelt");
    Map<String, Object> value = Events.exceptions(scene.awaitEvents(1).get(0)).get(0);
    List<Map<String, Object>> frames = Events.frames(value);
    assertThat(frames.get(frames.size() - 1))
        .containsEntry("abs_path", misspelt.toString())
        .containsEntry("lineno", 2L)
        .containsEntry("context_line", "b = (2");
  }

  @Test
  void a_text_with_half_of_a_surrogate_pair_is_shown_escaped() {
    scene.server(SERVER).start().get("/surrogate");
    Map<String, Object> value = Events.exceptions(scene.awaitEvents(1).get(0)).get(0);
    assertThat(value.get("value")).isEqualTo("no such file: caf\\udce9");
    assertThat(value.toString()).contains("'caf\\\\udce9'");
  }

  @Test
  void behind_a_proxy_the_scheme_the_address_and_the_trace_are_the_clients() {
    UwsgiServer server = scene.server(SERVER + "sentry-send-default-pii = true\n").start();
    server.request(
        "GET",
        "/surrogate",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 198.51.100.66, 203.0.113.7, 10.0.0.9",
        "sentry-trace: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1");
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.request(event).get("url").toString()).startsWith("https://");
    assertThat(event.get("user").toString()).contains("203.0.113.7");
    assertThat(Events.context(event, "trace"))
        .containsEntry("trace_id", "0af7651916cd43dd8448eb211c80319c")
        .containsEntry("parent_span_id", "b7ad6b7169203331");
    assertThat(event.get("modules"))
        .as("the Python packages of this machine, of which pip or the distribution has some")
        .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.MAP)
        .isNotEmpty();
  }
}

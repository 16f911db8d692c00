package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Values and chains of exceptions that have no end, no text, or no place: bounded, and as they are.
 */
class CaptureValuesTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace(
          "module = captured", "pythonpath = ${dir}\nmodule = values");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @Test
  void local_variables_are_shown_as_far_as_they_go() {
    Map<String, Object> event =
        raised(
            """
            itself = []
            itself.append(itself)
            nested = {"a": {"b": {"c": {"d": 1}}}}
            huge, negative, real = 2 ** 70, -5, 0.1
            raw = bytes([0, 65, 200, 10, 39])
            text = "it's\\n\\x01\\\\ \\u4e16"
            lone = "\\ud800"
            long = "x" * 300
            pair, none, yes = (1, "two"), None, True
            some = {1, 2}
            eleven = tuple(range(11))
            raise ValueError("shown")
            """);
    assertThat(variables(event))
        .containsEntry("itself", "[[[<list>]]]")
        .containsEntry("nested", "{'a': {'b': {'c': <dict>}}}")
        .containsEntry("huge", "<int of more than 64 bits>")
        .containsEntry("negative", "-5")
        .containsEntry("real", "0.1")
        .containsEntry("raw", "b'\\\\x00A?\\\\n\\\\''".replace("\\\\", "\\"))
        .containsEntry("text", "'it\\'s\\n\\x01\\\\ \u4e16'")
        .containsEntry("lone", "'\\\\ud800'")
        .containsEntry("long", "'" + "x".repeat(256) + "'...")
        .containsEntry("pair", "(1, 'two')")
        .containsEntry("none", "None")
        .containsEntry("yes", "True")
        .containsEntry("some", "<set of 2 items>")
        .containsEntry("eleven", "(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...)");
  }

  @Test
  void of_many_local_variables_the_first_thirty_are_shown() {
    String many =
        IntStream.range(0, 40)
            .mapToObj(i -> "v%02d = %d\n".formatted(i, i))
            .collect(Collectors.joining());
    assertThat(variables(raised(many + "raise ValueError('many')\n")))
        .hasSize(30)
        .containsKeys("v00", "v29");
  }

  @Test
  void every_frame_has_room_for_variables_however_large_those_of_the_others_are() {
    String large =
        IntStream.range(0, 20)
            .mapToObj(i -> "v%02d = 'x' * 4000\n".formatted(i))
            .collect(Collectors.joining());
    Map<String, Object> event =
        raised(
            "def down(depth):\n"
                + large.indent(4)
                + "    return down(depth - 1) if depth else {}['sku']\n"
                + "down(30)\n");
    List<Map<String, Object>> frames = Events.frames(Events.exceptions(event).get(0));
    assertThat(frames.subList(2, frames.size()))
        .hasSize(31)
        .allSatisfy(frame -> assertThat(frame.get("vars").toString()).contains("depth=", "v00='x"));
  }

  @Test
  void an_exception_from_none_hides_what_was_handled() {
    Map<String, Object> event =
        raised(
            """
            try:
                {}["sku"]
            except KeyError:
                raise ValueError("alone") from None
            """);
    assertThat(Events.exceptions(event))
        .extracting(e -> e.get("type"))
        .containsExactly("ValueError");
  }

  @Test
  void exceptions_that_cause_each_other_are_told_once_each() {
    Map<String, Object> event =
        raised(
            """
            hen, egg = ValueError("hen"), KeyError("egg")
            hen.__cause__, egg.__cause__ = egg, hen
            raise hen
            """);
    assertThat(Events.exceptions(event))
        .extracting(e -> e.get("type"))
        .containsExactly("KeyError", "ValueError");
  }

  @Test
  void of_a_long_chain_the_last_eight_are_told() {
    Map<String, Object> event =
        raised(
            """
            last = None
            for n in range(12):
                error = ValueError("number %d" % n)
                error.__cause__ = last
                last = error
            raise last
            """);
    List<Map<String, Object>> exceptions = Events.exceptions(event);
    assertThat(exceptions).hasSize(8);
    assertThat(exceptions.get(7)).containsEntry("value", "number 11");
  }

  @Test
  void a_thread_that_exits_on_purpose_is_no_event() {
    write(
        """
        import threading
        thread = threading.Thread(target=lambda: exit(3))
        thread.start()
        thread.join()
        """);
    UwsgiServer server = scene.quietServer(SERVER + "enable-threads = true\n").start();
    assertThat(server.get("/").status()).isEqualTo(200);
    scene.noEventOf(server);
  }

  private Map<String, Object> raised(String statements) {
    write(statements);
    UwsgiServer server = scene.server(SERVER).start();
    assertThat(server.get("/").status()).isIn(0, 500);
    return scene.onlyEventOf(server);
  }

  private void write(String statements) {
    scene.file(
        "values.py",
        "def fail():\n"
            + statements.indent(4)
            + "\ndef application(environ, start_response):\n    fail()\n"
            + "    start_response('200 OK', [])\n    return [b'ok']\n");
  }

  private static Map<String, Object> variables(Map<String, Object> event) {
    List<Map<String, Object>> exceptions = Events.exceptions(event);
    List<Map<String, Object>> frames = Events.frames(exceptions.get(exceptions.size() - 1));
    @SuppressWarnings("unchecked")
    Map<String, Object> vars = (Map<String, Object>) frames.get(frames.size() - 1).get("vars");
    return vars;
  }
}

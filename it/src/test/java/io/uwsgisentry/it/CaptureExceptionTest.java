package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Python exceptions with nothing configured but where events go: one event each, complete. */
class CaptureExceptionTest {
  static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      pythonpath = ${apps}
      module = captured
      master = true
      need-app = true
      sentry-dsn = ${dsn}
      sentry-instance = shop
      sentry-drain = 10
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void a_chain_of_exceptions_comes_with_frames_source_and_locals() {
    UwsgiServer server = scene.server(SERVER).start();
    server.request(
        "GET",
        "/reserve?sku=milk&token=hush-query",
        "User-Agent: someone",
        "Cookie: sessionid=hush-cookie",
        "Authorization: Basic hush-authorization",
        "X-Forwarded-For: 198.51.100.9");
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("exception_python", event);
    assertThat(event.toString())
        .as("privacy unless asked otherwise")
        .doesNotContain("hush", "198.51.100.9");
    assertThat(server.log())
        .as("uWSGI prints it as ever")
        .contains("Traceback (most recent call last):", "OutOfStock: no milk left")
        .doesNotContain("code of the application was called");
  }

  @Test
  void an_exception_in_a_generator_comes_with_its_frames() {
    UwsgiServer server = scene.server(SERVER).start();
    assertThat(server.get("/parts").body()).isEqualTo("first\n");
    golden.holds("exception_in_a_generator", scene.onlyEventOf(server));
  }

  @Test
  void an_exception_in_a_worker_of_threads_names_its_core() {
    UwsgiServer server = scene.server(SERVER + "threads = 4\nworkers = 2\n").start();
    server.get("/reserve");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptions(event))
        .extracting(e -> e.get("type") + ": " + e.get("value"))
        .containsExactly("KeyError: 'milk'", "OutOfStock: no milk left");
    assertThat(Events.functions(event)).endsWith("application", "reserve");
    assertThat(Events.context(event, "uwsgi")).containsEntry("mode", "threads").containsKey("core");
  }

  @Test
  void an_exception_that_reloads_the_worker_is_the_only_event() {
    UwsgiServer server = scene.server(SERVER + "reload-on-exception = true\n").start();
    server.get("/reserve");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.functions(event)).containsExactly("application", "reserve");
    assertThat(event).containsEntry("level", "error");
  }

  @Test
  void an_endless_recursion_is_cut_in_the_middle() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/deep");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("RecursionError");
    List<String> functions = Events.functions(event);
    assertThat(functions).hasSizeBetween(50, 100).startsWith("application", "down");
    assertThat(functions.subList(1, functions.size())).containsOnly("down");
  }

  @Test
  void the_same_fault_at_two_urls_is_left_to_the_servers_own_grouping() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/reserve/1?order=1");
    server.get("/reserve/2?order=2");
    assertThat(scene.eventsOf(server, 2))
        .allSatisfy(
            event -> {
              assertThat(event).doesNotContainKey("fingerprint");
              assertThat(Events.functions(event)).containsExactly("application", "reserve");
            })
        .extracting(event -> event.get("transaction"))
        .containsOnly("GET /reserve/{id}");
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.testkit.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every golden event of a real uWSGI, whatever it tells, carries the same around it. */
class ShapeTest {
  private static final List<String> ALWAYS =
      List.of("handler", "instance", "pid", "plugin_version", "process", "started", "version");
  private static final List<String> OF_A_SERVER =
      List.of(
          "busy_workers",
          "cores_per_worker",
          "generation",
          "idle_workers",
          "listen_queue",
          "listen_queue_max",
          "master_pid",
          "mode",
          "uptime_seconds",
          "workers");
  private static final List<String> OF_A_WORKER =
      List.of("requests_served", "respawns", "worker", "worker_uptime_seconds");

  static Stream<Path> goldens() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/test/resources/captured"))) {
      return files.filter(f -> f.toString().endsWith(".json")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void an_event_says_where_it_comes_from_and_what_it_is(Path file) throws IOException {
    Map<String, Object> event = Json.object(Files.readString(file));
    Map<String, Object> uwsgi = Events.context(event, "uwsgi");
    assertThat(uwsgi).containsKeys(ALWAYS.toArray(String[]::new));
    // An emperor has no workers, nor a language.
    if (!"vassal".equals(uwsgi.get("process"))) {
      assertThat(uwsgi).containsKeys(OF_A_SERVER.toArray(String[]::new));
      assertThat(Events.context(event, "runtime")).containsKey("name");
    }
    if ("worker".equals(uwsgi.get("process"))) {
      assertThat(uwsgi).containsKeys(OF_A_WORKER.toArray(String[]::new));
      assertThat(Events.tags(event)).containsKey("uwsgi.worker");
    }
    assertThat(Events.context(event, "os")).containsKey("name");
    assertThat(event).containsKeys("event_id", "timestamp", "level", "platform", "server_name");
    assertThat(Events.tags(event)).containsKeys("uwsgi.instance", "uwsgi.kind");
    assertThat(Events.tags(event))
        .as("of what is captured without a handler the kind says it")
        .doesNotContainKey("uwsgi.handler");
    titleIsSaidOnce(event);
    assertThat(Events.exceptions(event))
        .allSatisfy(
            exception -> {
              assertThat(exception).containsKeys("type", "mechanism");
              assertThat(exception.get("mechanism").toString()).contains("type=", "handled=");
            });
    // An exception is grouped by itself, and so is what a language said of a failed request.
    boolean raised =
        file.getFileName().toString().matches("exception.*|boot_(that|with).*")
            || (Events.tags(event).get("uwsgi.kind").equals("failed")
                && !Events.exceptionType(event).equals("RequestFailed"));
    if (!raised) {
      assertThat((List<?>) event.get("fingerprint")).as("one issue a fault").isNotEmpty();
    }
  }

  private static void titleIsSaidOnce(Map<String, Object> event) {
    if (!event.containsKey("logentry")) {
      return;
    }
    Map<?, ?> message = (Map<?, ?>) event.get("logentry");
    assertThat(message.containsKey("message")).as("strict readers refuse it without").isTrue();
    Events.exceptions(event)
        .forEach(
            exception ->
                assertThat(message.get("formatted").toString())
                    .as("a message beside an exception says something else")
                    .doesNotContain(String.valueOf(exception.get("value"))));
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void a_planted_secret_is_nowhere(Path file) throws IOException {
    String text = Files.readString(file);
    assertThat(text).doesNotContain("hush-", "Basic hush", "=hush", "198.51.100.9");
    assertThat(text.replaceAll("\"(pre_context|post_context)\": \\[[^\\]]*\\]", ""))
        .doesNotContainPattern("(vars|headers|env|extra)\"[^}]*hush");
  }
}

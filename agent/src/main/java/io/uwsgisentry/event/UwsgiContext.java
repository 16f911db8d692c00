package io.uwsgisentry.event;

import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sentry's context {@code uwsgi}: which server, which process, and how both were just then. */
final class UwsgiContext {
  /** Keys of the record's {@code state} that go in as they are, under a name that says the unit. */
  private static final Map<String, String> STATE =
      Map.of(
          "workers", "workers",
          "cores", "cores_per_worker",
          "busy", "busy_workers",
          "idle", "idle_workers",
          "listen_queue", "listen_queue",
          "listen_queue_max", "listen_queue_max",
          "reloads", "generation",
          "requests", "requests_served",
          "respawns", "respawns");

  private final Map<String, Object> context = new LinkedHashMap<>();

  private UwsgiContext() {}

  static Map<String, Object> of(RecordContext incident) {
    UwsgiContext context = new UwsgiContext();
    context.server(incident.record(), incident.settings());
    context.process(incident.record());
    context.state(incident.record());
    ServedRequest request = incident.request();
    if (request != null) {
      context.request(incident.record(), request);
    }
    return context.context;
  }

  /** Whether the record's number is a worker's; a mule has one of its own, a cron none. */
  static boolean isWorker(Record record) {
    return record.worker() > 0
        && record.process() != ProcessKind.MULE
        && record.process() != ProcessKind.UNKNOWN;
  }

  private void server(Record record, HandlerSettings settings) {
    put("version", settings.uwsgiVersion());
    put("plugin_version", settings.pluginVersion());
    put("instance", record.instance());
    put("handler", record.handler());
    put("master_pid", settings.masterPid());
    Instant started = settings.started();
    if (started != null) {
      put("started", started.toString());
      put("uptime_seconds", between(started, record.time()));
    }
  }

  private void process(Record record) {
    put("process", record.process().label());
    put("pid", record.pid());
    if (isWorker(record)) {
      put("worker", record.worker());
    } else if (record.worker() > 0 && record.process() == ProcessKind.MULE) {
      put("mule", record.worker());
    }
    if (record.core() >= 0) {
      put("core", record.core());
    }
  }

  private void state(Record record) {
    Map<String, String> state = record.fields().pairs("state");
    state.forEach(
        (key, digits) -> {
          String name = STATE.get(key);
          long value = RecordContext.number(digits);
          // A worker does not know how long the queue may get.
          if (name != null && value >= 0 && !(value == 0 && key.equals("listen_queue_max"))) {
            put(name, value);
          }
        });
    long threads = RecordContext.number(state.get("threads"));
    long async = RecordContext.number(state.get("async"));
    if (async > 1) {
      put("mode", "async");
    } else if (threads > 1) {
      put("mode", "threads");
    } else if (!state.isEmpty()) {
      put("mode", "prefork");
    }
    long spawned = RecordContext.number(state.get("worker_started"));
    if (spawned > 0 && spawned < 100_000_000_000L) {
      put("worker_uptime_seconds", between(Instant.ofEpochSecond(spawned), record.time()));
    }
    for (Map<String, String> memory : List.of(record.fields().pairs("death"), state)) {
      long kibibytes = RecordContext.number(memory.get("rss"));
      if (kibibytes > 0 && !context.containsKey("memory_kib")) {
        put("memory_kib", kibibytes);
      }
    }
  }

  private void request(Record record, ServedRequest request) {
    if (request.core() >= 0) {
      put("core", request.core());
    }
    long micros = record.timeMicros() - request.startedMicros();
    if (request.startedMicros() >= 0 && micros >= 0) {
      put("request_milliseconds", micros / 1000);
    }
    if (request.status() >= 100 && answered(record)) {
      put("request_status", request.status());
    }
    if (request.section() != null) {
      put("mountpoint", request.section().mountpoint());
    }
  }

  /** Before the application answered, uWSGI's status is a made-up 500. */
  private static boolean answered(Record record) {
    return switch (record.kind()) {
      case SLOW, FAILED -> true;
      case ROUTE ->
          record.handler().startsWith("response-route")
              || record.handler().startsWith("error-route")
              || record.handler().startsWith("final-route");
      default -> false;
    };
  }

  private static long between(Instant from, Instant to) {
    return Math.max(0, Duration.between(from, to).toSeconds());
  }

  private void put(String key, @Nullable Object value) {
    if (value != null && !value.equals("")) {
      context.put(
          key, value instanceof String text ? Limits.shortened(Limits.clean(text), 512) : value);
    }
  }
}

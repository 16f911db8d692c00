package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.redaction.Redaction;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a record tells, with the settings that hold for it.
 *
 * @param redaction as the instance's user wants it
 * @param requests that were being served, as the record has them
 * @param request the one that the event is about, null if there is none
 */
record RecordContext(
    Record record,
    HandlerSettings settings,
    Redaction redaction,
    List<ServedRequest> requests,
    @Nullable ServedRequest request) {
  private static final int MAX_TABLE = 50;

  static RecordContext of(
      Record record, HandlerSettings settings, Redaction redaction, EventBuilder builder) {
    List<ServedRequest> requests = ServedRequest.all(record, redaction);
    return new RecordContext(record, settings, redaction, requests, builder.request(requests));
  }

  /**
   * What Sentry is to count this under; null where neither an option, a request nor the process
   * tells.
   */
  @Nullable String transaction() {
    String given = settings.transaction();
    return given != null ? given : doing();
  }

  /** The same by itself, whatever an option calls it. */
  @Nullable String doing() {
    String route = route();
    if (route != null) {
      return route;
    }
    return request == null || request.section() == null ? task() : request.section().transaction();
  }

  /**
   * What a process is there for that serves no requests: {@code mule 1}, {@code cron
   * /srv/bin/backup}; null for one that does, and for the master.
   */
  @Nullable String task() {
    if (!requests.isEmpty()) {
      return null;
    }
    String command = command();
    return switch (record.process()) {
      case MULE -> record.worker() > 0 ? "mule " + record.worker() : "mule";
      case SPOOLER -> "spooler";
      case VASSAL -> command.isEmpty() ? null : "vassal " + command;
      case UNKNOWN ->
          command.isEmpty() ? null : (record.worker() == 1 ? "cron " : "daemon ") + command;
      default -> null;
    };
  }

  /** What a process runs that is no worker; its command line may have a password in it. */
  String command() {
    String name = record.fields().pairs("death").getOrDefault("name", "").strip();
    return Limits.shortened(Limits.clean(Limits.filtered(name, 1024, redaction::text)), 1024);
  }

  /**
   * The pattern by which the application's framework found what answers the request, as a path:
   * {@code /orders/<int:n>/}; null where none is known.
   */
  @Nullable String route() {
    String route = record.fields().text("request.route");
    if (route == null || route.isEmpty()) {
      return null;
    }
    // Django writes them without the leading slash, and regular expressions with their anchors.
    String path = route.replaceAll("^\\^|\\$$", "");
    return path.startsWith("/") ? path : "/" + path;
  }

  /** A number of microseconds as a record has it: decimal digits; -1 where there is none. */
  static long number(@Nullable String digits) {
    if (digits == null || digits.isEmpty() || digits.length() > 18) {
      return -1;
    }
    long number = 0;
    for (int i = 0; i < digits.length(); i++) {
      char c = digits.charAt(i);
      if (c < '0' || c > '9') {
        return -1;
      }
      number = 10 * number + (c - '0');
    }
    return number;
  }

  /** For a person: 31.2, from microseconds. */
  static double seconds(long micros) {
    return Math.round(micros / 100_000.0) / 10.0;
  }

  /** For a person: {@code 31.2 s}, {@code 12 ms}. */
  static String duration(long micros) {
    return micros < 1_000_000 ? micros / 1000 + " ms" : seconds(micros) + " s";
  }

  /** How long that request had taken when the record was made, in seconds; negative: not known. */
  double age(ServedRequest request) {
    long micros = record.timeMicros() - request.startedMicros();
    return request.startedMicros() < 0 || micros < 0 ? -1 : seconds(micros);
  }

  /** A table of requests in flight: which core, since when, what. */
  List<Map<String, Object>> table() {
    List<Map<String, Object>> table = new ArrayList<>();
    for (ServedRequest each : requests.subList(0, Math.min(MAX_TABLE, requests.size()))) {
      Map<String, Object> row = new LinkedHashMap<>();
      if (each.core() >= 0) {
        row.put("core", each.core());
      }
      if (age(each) >= 0) {
        row.put("seconds", age(each));
      }
      if (each.section() != null) {
        row.put("method", each.section().method());
        row.put("path", each.section().shownPath());
      }
      table.add(row);
    }
    return table;
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Record;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The server's last log lines before an incident, as Sentry's breadcrumbs. */
final class Breadcrumbs {
  /** Sentry's servers keep so many. */
  private static final int MAX_LINES = 100;

  private static final int MAX_LINE = 1024;

  /** Beyond the year 5000 it is no time. */
  private static final long LAST_MICROS = 100_000_000_000_000_000L;

  /**
   * A line as a record has it.
   *
   * @param micros when it was seen, since 1970, -1: not known
   * @param own whether the process that failed wrote it, for sure
   */
  record Line(long micros, String text, boolean own) {}

  private Breadcrumbs() {}

  /** All of a record, in the order of writing. */
  static List<Line> lines(Record record) {
    List<Line> lines = new ArrayList<>();
    for (Fields.Field field : record.fields().all()) {
      boolean own = field.name().equals("log.own");
      if (own || field.name().equals("log")) {
        String value = new String(field.value(), StandardCharsets.UTF_8);
        int nul = value.indexOf('\0');
        long micros = nul < 0 ? -1 : RecordContext.number(value.substring(0, nul));
        lines.add(new Line(micros, nul < 0 ? value : value.substring(nul + 1), own));
      }
    }
    return lines;
  }

  static List<Map<String, Object>> of(RecordContext incident) {
    List<Map<String, Object>> crumbs = new ArrayList<>();
    for (Line said : lines(incident.record())) {
      String text = said.text();
      long micros = said.micros();
      if (text.isBlank() || micros > LAST_MICROS) {
        continue;
      }
      Map<String, Object> crumb = new LinkedHashMap<>();
      if (micros >= 0) {
        crumb.put(
            "timestamp", EventFactory.timestamp(Instant.EPOCH.plus(micros, ChronoUnit.MICROS)));
      }
      crumb.put("type", "default");
      crumb.put("category", "uwsgi.log");
      crumb.put("level", LogLevel.of(text));
      String line =
          Limits.filtered(
              Limits.clean(text.stripTrailing()), MAX_LINE, incident.redaction()::logLine);
      crumb.put("message", Limits.shortened(line, MAX_LINE));
      crumbs.add(crumb);
    }
    return crumbs.size() > MAX_LINES
        ? crumbs.subList(crumbs.size() - MAX_LINES, crumbs.size())
        : crumbs;
  }

  /**
   * Which of its signals uWSGI said that a process got; it prints so before a backtrace.
   *
   * @return null if the log does not tell
   */
  static @Nullable Signal signal(Record record, long pid) {
    String said = "uWSGI process " + pid + " got ";
    Signal signal = null;
    for (Line each : lines(record)) {
      String line = each.text();
      int at = line.indexOf(said);
      if (at >= 0 && line.startsWith("Segmentation Fault", at + said.length())) {
        signal = Signal.SEGV;
      } else if (at >= 0 && line.startsWith("Floating Point", at + said.length())) {
        signal = Signal.FPE;
      }
    }
    return signal;
  }
}

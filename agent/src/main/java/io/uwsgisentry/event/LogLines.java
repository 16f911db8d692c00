package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The server's last log lines before an incident, as Sentry's breadcrumbs. */
final class LogLines {
  /** Sentry's servers keep so many. */
  private static final int MAX_LINES = 100;

  private static final int MAX_LINE = 1024;

  /** Beyond the year 5000 it is no time. */
  private static final long LAST_MICROS = 100_000_000_000_000_000L;

  private LogLines() {}

  static List<Map<String, Object>> of(Incident incident) {
    List<Map<String, Object>> crumbs = new ArrayList<>();
    for (String field : incident.record().fields().texts("log")) {
      int nul = field.indexOf('\0');
      String text = nul < 0 ? field : field.substring(nul + 1);
      long micros = nul < 0 ? -1 : Incident.number(field.substring(0, nul));
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
      crumb.put("level", "info");
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
    for (String line : record.fields().texts("log")) {
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

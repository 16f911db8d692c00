package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Level;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The listen queue was full: what each worker was busy with when it became so. */
final class BacklogEventBuilder implements EventBuilder {
  private static final int MAX_TABLE = 200;

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    Map<String, String> backlog = record.fields().pairs("backlog");
    boolean still = "1".equals(backlog.get("still"));
    // Not as a template with parameters: some servers show the template in their lists.
    draft.message(
        (still ? "The listen queue has been full (" : "The listen queue was full (")
            + number(backlog, "queue")
            + " of "
            + number(backlog, "max")
            + ") for "
            + number(backlog, "seconds")
            + " s");
    draft.fingerprint(List.of("uwsgi", "backlog"));
    List<Map<String, Object>> table = new ArrayList<>();
    for (String row : record.fields().texts("busy")) {
      if (table.size() < MAX_TABLE) {
        table.add(row(row, incident));
      }
    }
    draft.extra("busy_requests", table);
  }

  /** {@code worker NUL core NUL start NUL method NUL URI}. */
  private static Map<String, Object> row(String text, RecordContext incident) {
    String[] parts = text.split("\0", 5);
    Map<String, Object> row = new LinkedHashMap<>();
    number(row, "worker", parts, 0);
    number(row, "core", parts, 1);
    long started = parts.length > 2 ? RecordContext.number(parts[2]) : -1;
    long micros = incident.record().timeMicros() - started;
    if (started > 0 && micros >= 0) {
      row.put("seconds", RecordContext.seconds(micros));
    }
    if (parts.length > 4) {
      RequestSection request =
          new RequestSection(
              Map.of("REQUEST_METHOD", parts[3], "REQUEST_URI", parts[4]), incident.redaction());
      if (!request.method().isEmpty()) {
        row.put("method", request.method());
        row.put("path", request.shownPath());
      }
    }
    return row;
  }

  private static void number(Map<String, Object> row, String key, String[] parts, int index) {
    long number = index < parts.length ? RecordContext.number(parts[index]) : -1;
    if (number >= 0) {
      row.put(key, number);
    }
  }

  private static String number(Map<String, String> backlog, String key) {
    long number = RecordContext.number(backlog.get(key));
    return number < 0 ? "?" : Long.toString(number);
  }

  @Override
  public Level level(@Nullable Record record) {
    return Level.WARNING;
  }
}

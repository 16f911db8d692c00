package io.uwsgisentry.console;

import io.uwsgisentry.json.Json;
import io.uwsgisentry.outbox.Entry;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What {@code uwsgi-sentry events} prints. */
public final class EventList {
  /**
   * As many digits of an id as a person types; `events show` takes any beginning that is unique.
   */
  static final int SHORT_ID = 8;

  private EventList() {}

  /**
   * For a person: one line an event.
   *
   * @param width of the terminal; 0: nothing is cut
   */
  public static String text(List<Entry> entries, ZoneId zone, int width) {
    if (entries.isEmpty()) {
      return "no events\n";
    }
    // A column that says the same in every line would only take room from the titles.
    boolean manyInstances = entries.stream().map(Entry::instance).distinct().count() > 1;
    List<String> titles = new ArrayList<>(List.of("ID", "TIME", "LEVEL", "STATE"));
    List<Integer> limits = new ArrayList<>(List.of(SHORT_ID, 14, 7, 13));
    if (manyInstances) {
      titles.add("INSTANCE");
      limits.add(14);
    }
    titles.addAll(List.of("HANDLER", "TITLE"));
    limits.addAll(List.of(20, 0));
    Table table = new Table(titles, limits);
    for (Entry entry : entries) {
      List<String> row = new ArrayList<>();
      row.add(entry.id().substring(0, SHORT_ID));
      row.add(Labels.shortTime(entry.time(), zone));
      row.add(entry.level());
      row.add(Labels.state(entry.state()));
      if (manyInstances) {
        row.add(entry.instance());
      }
      row.add(entry.handler());
      row.add(entry.title() + times(entry.occurrences()));
      table.row(row);
    }
    return table.render(width);
  }

  /** For a person who follows: an event as a line of its own, without a table around it. */
  public static String line(Entry entry, ZoneId zone, int width) {
    String line =
        String.format(
            Locale.ROOT,
            "%s  %-7s  %s  %s",
            Labels.shortTime(entry.time(), zone),
            entry.level(),
            entry.id().substring(0, SHORT_ID),
            Text.line(entry.title() + times(entry.occurrences())));
    return (width > 0 ? Text.cut(line, width) : line) + "\n";
  }

  private static String times(long occurrences) {
    return occurrences > 1 ? String.format(Locale.ROOT, " (%,d times)", occurrences) : "";
  }

  /** For a script: one object a line. */
  public static String json(List<Entry> entries) {
    StringBuilder out = new StringBuilder();
    for (Entry entry : entries) {
      out.append(Json.write(object(entry))).append('\n');
    }
    return out.toString();
  }

  /** All that is known of an entry but its payload. */
  static Map<String, @Nullable Object> object(Entry entry) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("id", entry.id());
    object.put("time", entry.time());
    object.put("level", entry.level());
    object.put("title", entry.title());
    object.put("instance", entry.instance());
    object.put("handler", entry.handler());
    object.put("state", Labels.state(entry.state()));
    object.put("occurrences", entry.occurrences());
    object.put("attempts", entry.attempts());
    Instant notBefore = entry.notBefore();
    Labels.put(object, "not_before", notBefore);
    Labels.put(object, "last_error", entry.lastError());
    Labels.put(object, "settled", entry.settled());
    if (entry.dsn() != null) {
      object.put("dsn", entry.dsn().masked());
    }
    return object;
  }
}

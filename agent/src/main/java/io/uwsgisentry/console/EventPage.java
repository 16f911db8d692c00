package io.uwsgisentry.console;

import io.uwsgisentry.json.Json;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code uwsgi-sentry events show} prints: first what became of the event, then what is in it,
 * in the order in which one asks: what was thrown, in which request, with which tags. Parts of an
 * event that this page does not know are shown as they are.
 */
public final class EventPage {
  /** Said above already, or of no use to a person. */
  private static final List<String> ELSEWHERE =
      List.of(
          "event_id",
          "timestamp",
          "level",
          "sdk",
          "message",
          "logentry",
          "exception",
          "threads",
          "request",
          "breadcrumbs");

  /** A message up to this long is told by the title. */
  private static final int LONG_TITLE = 150;

  /** The sections that a person asks for first. */
  private static final List<String> FIRST = List.of("tags", "user", "extra");

  private final StringBuilder out = new StringBuilder();
  private final ZoneId zone;

  private EventPage(ZoneId zone) {
    this.zone = zone;
  }

  /** For a person. */
  public static String text(Entry entry, ZoneId zone) {
    EventPage page = new EventPage(zone);
    page.head(entry);
    Object event = event(entry);
    if (event instanceof Map<?, ?> map) {
      page.body(map);
    } else {
      page.out.append(
          "\nNo event could be made of this record; "
              + Text.count(entry.payload().length, "byte")
              + " of it are kept.\n");
    }
    return page.out.toString();
  }

  /** For a script: the fields of {@link EventList#json} and the event as it is sent. */
  public static String json(Entry entry) {
    Map<String, @Nullable Object> object = EventList.object(entry);
    Labels.put(object, "event", event(entry));
    return Json.write(object) + "\n";
  }

  /** The event's JSON as values, null if the payload is none. */
  private static @Nullable Object event(Entry entry) {
    try {
      return Json.parse(new String(entry.payload(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      return null;
    }
  }

  private void head(Entry entry) {
    out.append(Text.line(entry.title())).append("\n\n");
    field("id", entry.id());
    field("level", entry.level());
    field("time", Labels.fullTime(entry.time(), zone));
    field("instance", entry.instance());
    field("handler", entry.handler());
    if (entry.occurrences() > 1) {
      field("stands for", Text.count(entry.occurrences(), "occurrence"));
    }
    field("state", Labels.state(entry.state()) + ": " + Labels.explain(entry.state()));
    if (entry.dsn() != null) {
      field("destination", entry.dsn().masked());
    }
    Instant settled = entry.settled();
    if (settled != null) {
      field(
          entry.state() == State.DELIVERED ? "delivered" : "given up",
          Labels.fullTime(settled, zone));
    }
    // The one that the server took is counted, too.
    int failed = entry.attempts() - (entry.state() == State.DELIVERED ? 1 : 0);
    if (failed > 0) {
      Instant next = entry.state() == State.READY ? entry.notBefore() : null;
      field(
          "failed tries",
          failed + (next == null ? "" : ", next at " + Labels.shortTime(next, zone)));
    }
    String error = entry.lastError();
    if (error != null) {
      field("last error", error);
    }
  }

  private void body(Map<?, ?> event) {
    message(
        event.get("logentry") == null ? event.get("message") : event.get("logentry"),
        !values(event.get("exception")).isEmpty());
    exceptions(event.get("exception"));
    threads(event.get("threads"));
    request(event.get("request"));
    log(event.get("breadcrumbs"));
    Map<String, @Nullable Object> single = new LinkedHashMap<>();
    Map<String, Map<?, ?>> sections = new LinkedHashMap<>();
    FIRST.forEach(key -> sections.put(key, Map.of()));
    event.forEach(
        (key, value) -> {
          if (ELSEWHERE.contains(String.valueOf(key))) {
            return;
          }
          if (value instanceof Map<?, ?> map) {
            sections.put(String.valueOf(key), map);
          } else {
            single.put(String.valueOf(key), value);
          }
        });
    section("Event", single);
    sections.forEach((key, map) -> section(heading(key), map));
  }

  private static String heading(String key) {
    return key.isEmpty() ? "?" : key.substring(0, 1).toUpperCase(Locale.ROOT) + key.substring(1);
  }

  /**
   * Only where the title, which is one line, does not tell it all.
   *
   * @param beside whether there is an exception, whose the title is then
   */
  private void message(@Nullable Object message, boolean beside) {
    if (!(message instanceof Map<?, ?> map)) {
      return;
    }
    String text = word(map.get("formatted")).stripTrailing();
    String template = word(map.get("message")).stripTrailing();
    boolean varies = !template.isEmpty() && !template.equals(text);
    if (text.isEmpty()
        || (!beside && !varies && !text.contains("\n") && text.length() <= LONG_TITLE)) {
      return;
    }
    out.append("\nMessage\n");
    indented(text);
    if (varies) {
      out.append("  grouped by what does not vary\n");
      template.lines().forEach(line -> out.append("    ").append(Text.line(line)).append('\n'));
    }
  }

  private void indented(String text) {
    text.lines().forEach(line -> out.append("  ").append(Text.line(line)).append('\n'));
  }

  private void exceptions(@Nullable Object exception) {
    List<?> values = values(exception);
    if (values.isEmpty()) {
      return;
    }
    out.append("\nException\n");
    // The protocol wants the one that was thrown last at the end; a person wants it first.
    for (int i = values.size() - 1; i >= 0; i--) {
      if (values.get(i) instanceof Map<?, ?> value) {
        out.append("  ").append(i < values.size() - 1 ? "caused by " : "");
        out.append(Text.line(word(value.get("type"))));
        String text = word(value.get("value"));
        out.append(text.isEmpty() ? "" : ": " + Text.line(text)).append('\n');
        frames(value.get("stacktrace"));
      }
    }
  }

  /** The one that the event is about has its frames above. */
  private void threads(@Nullable Object threads) {
    List<?> values = values(threads);
    if (values.size() < 2) {
      return;
    }
    out.append("\nThreads\n");
    for (Object each : values) {
      if (each instanceof Map<?, ?> thread) {
        Object name = thread.get("name") == null ? thread.get("id") : thread.get("name");
        boolean above = Boolean.TRUE.equals(thread.get("crashed"));
        out.append("  ").append(Text.line(word(name))).append(above ? " (above)\n" : "\n");
        if (!above) {
          frames(thread.get("stacktrace"));
        }
      }
    }
  }

  private void log(@Nullable Object breadcrumbs) {
    List<?> values = values(breadcrumbs);
    if (!values.isEmpty()) {
      out.append("\nLog before it\n");
    }
    for (Object each : values) {
      if (each instanceof Map<?, ?> crumb) {
        String time = word(crumb.get("timestamp"));
        out.append("  ")
            .append(Text.line(time.length() > 19 ? time.substring(11, 19) : time))
            .append("  ")
            .append(Text.line(word(crumb.get("message"))))
            .append('\n');
      }
    }
  }

  /** Of a list that the protocol has with and without an object around it. */
  private static List<?> values(@Nullable Object list) {
    Object inside = list instanceof Map<?, ?> map ? map.get("values") : list;
    return inside instanceof List<?> values ? values : List.of();
  }

  private void frames(@Nullable Object stacktrace) {
    if (!(stacktrace instanceof Map<?, ?> map) || !(map.get("frames") instanceof List<?> frames)) {
      return;
    }
    for (int i = frames.size() - 1; i >= 0; i--) {
      if (frames.get(i) instanceof Map<?, ?> frame) {
        Object file = frame.get("filename") == null ? frame.get("package") : frame.get("filename");
        Object line =
            frame.get("lineno") == null ? frame.get("instruction_addr") : frame.get("lineno");
        String function = word(frame.get("function"));
        out.append("    ")
            .append(Text.line(word(file)))
            .append(line == null ? "" : ":" + Text.line(word(line)))
            .append(function.isEmpty() ? "\n" : "  " + Text.line(function) + "\n");
        String source = word(frame.get("context_line")).strip();
        if (!source.isEmpty()) {
          out.append("        ").append(Text.line(source)).append('\n');
        }
        if (frame.get("vars") instanceof Map<?, ?> variables) {
          variables.forEach((name, value) -> nested("          ", String.valueOf(name), value));
        }
      }
    }
  }

  private void request(@Nullable Object request) {
    if (!(request instanceof Map<?, ?> map)) {
      return;
    }
    out.append("\nRequest\n");
    String query = word(map.get("query_string"));
    String url = word(map.get("url"));
    out.append("  ").append(Text.line(word(map.get("method")))).append(' ').append(Text.line(url));
    out.append(query.isEmpty() || url.contains("?") ? "" : "?" + Text.line(query)).append('\n');
    map.forEach(
        (key, value) -> {
          if (!List.of("method", "url", "query_string").contains(String.valueOf(key))) {
            nested("  ", String.valueOf(key), value);
          }
        });
  }

  private void section(String title, Map<?, ?> values) {
    if (values.isEmpty()) {
      return;
    }
    out.append('\n').append(Text.line(title)).append('\n');
    values.forEach((key, value) -> nested("  ", String.valueOf(key), value));
  }

  private void nested(String indent, String key, @Nullable Object value) {
    String name = Text.line(key);
    if (value instanceof Map<?, ?> map) {
      out.append(indent).append(name).append('\n');
      map.forEach((k, v) -> nested(indent + "  ", String.valueOf(k), v));
      return;
    }
    if (value instanceof List<?> list && list.stream().anyMatch(Map.class::isInstance)) {
      out.append(indent).append(name).append('\n');
      list.forEach(each -> out.append(indent).append("  ").append(row(each)).append('\n'));
      return;
    }
    String text = value instanceof List<?> ? Json.write(value) : word(value);
    String[] lines = Text.lines(text).stripTrailing().split("\n", -1);
    out.append(indent).append(name).append(" = ").append(lines[0]).append('\n');
    for (int i = 1; i < lines.length; i++) {
      out.append(indent).append("    ").append(lines[i]).append('\n');
    }
  }

  /** One of several of a kind: an image, a request in flight. */
  private static String row(@Nullable Object value) {
    if (!(value instanceof Map<?, ?> map)) {
      return Text.line(Json.write(value));
    }
    List<String> fields = new ArrayList<>();
    map.forEach(
        (key, field) ->
            fields.add(key + " = " + (field instanceof String text ? text : Json.write(field))));
    return Text.line(String.join(", ", fields));
  }

  private static String word(@Nullable Object value) {
    return value == null ? "" : value.toString();
  }

  private void field(String name, String value) {
    if (!value.isEmpty()) {
      out.append(String.format(Locale.ROOT, "  %-12s  %s%n", name, Text.line(value)));
    }
  }
}

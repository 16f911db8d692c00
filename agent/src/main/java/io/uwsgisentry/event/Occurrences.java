package io.uwsgisentry.event;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What an event tells that stands for more than one occurrence. It says so in {@code
 * extra.occurrences}, an integer, what it stands for, itself included; an event without it stands
 * for one. So the sum over a storm is exact.
 *
 * @param count how many this event stands for
 * @param first the earliest of them
 * @param last the latest of them
 * @param before how many of the same fault earlier events reported, from {@code since} on
 * @param since when the first of all these happened
 * @param frequent the most frequent values of what differs among those that this event stands for,
 *     and how often each came: {@code worker} to {@code 3} to 11
 */
public record Occurrences(
    long count,
    Instant first,
    Instant last,
    long before,
    Instant since,
    Map<String, Map<String, Long>> frequent) {
  static final String COUNT = "occurrences";
  static final String FIRST = "first_occurrence";
  static final String LAST = "last_occurrence";
  static final String FREQUENT = "most_frequent";
  static final String SUMMARY = "summary";

  /** The same number as a tag, which servers show in lists of events and search by. */
  static final String TAG = "uwsgi.occurrences";

  private static final String OWN_GROUPING = "{{ default }}";
  private static final Pattern SAID =
      Pattern.compile("^\\d[\\d,]* (?:more|times) in \\d+ s(?:: |$)");
  private static final String WORKER = "worker";

  /**
   * A new event like the given one (same exception, same fingerprint, so the same issue), with an
   * id of its own, the time of the last occurrence, and the count.
   *
   * @param template an event that {@link EventFactory} built
   * @throws IllegalArgumentException if its payload is not an event's JSON
   */
  public Event summary(Event template, Kind kind) {
    Map<String, @Nullable Object> payload;
    try {
      payload = Json.parseObject(template.payload());
    } catch (IOException e) {
      throw new IllegalArgumentException("not an event: " + e.getMessage(), e);
    }
    String id = EventFactory.randomId();
    payload.put("event_id", id);
    payload.put("timestamp", EventFactory.timestamp(last));
    Map<String, @Nullable Object> extra = new LinkedHashMap<>();
    if (payload.get("extra") instanceof Map<?, ?> given) {
      given.forEach((key, value) -> extra.put(String.valueOf(key), value));
    }
    extra.put(COUNT, count);
    extra.put(FIRST, first.toString());
    extra.put(LAST, last.toString());
    extra.put(SUMMARY, sentence(kind));
    if (!frequent.isEmpty()) {
      extra.put(FREQUENT, frequent);
    }
    payload.put("extra", extra);
    Map<String, @Nullable Object> tags = map(payload.get("tags"));
    tags.put(TAG, Long.toString(count));
    payload.put("tags", tags);
    say(payload);
    return new Event(
        id,
        last,
        template.category(),
        template.level(),
        template.title(),
        Json.write(payload).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Says in the title, which lists show, how many more there were, wherever that leaves the event
   * in its issue: an issue that has a fingerprint of its own may have any title, one that servers
   * group by its exception's text may not, and a message is grouped by its template. The message
   * says it in any case.
   */
  private void say(Map<String, @Nullable Object> payload) {
    Map<String, @Nullable Object> message = map(payload.get("logentry"));
    List<?> exceptions =
        map(payload.get("exception")).get("values") instanceof List<?> values ? values : List.of();
    if (exceptions.isEmpty()) {
      if (message.get("formatted") instanceof String text) {
        message.put("formatted", said(text));
        payload.put("logentry", message);
      }
      return;
    }
    String alone = shortly();
    payload.put("logentry", new TreeMap<>(Map.of("formatted", alone, "message", alone)));
    boolean free =
        payload.get("fingerprint") instanceof List<?> parts
            && !parts.isEmpty()
            && !parts.contains(OWN_GROUPING);
    if (free) {
      List<@Nullable Object> changed = new ArrayList<>(exceptions);
      Map<String, @Nullable Object> last = map(exceptions.get(exceptions.size() - 1));
      last.put("value", said(last.get("value") instanceof String text ? text : ""));
      changed.set(changed.size() - 1, last);
      Map<String, @Nullable Object> all = map(payload.get("exception"));
      all.put("values", changed);
      payload.put("exception", all);
    }
  }

  private static Map<String, @Nullable Object> map(@Nullable Object value) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    if (value instanceof Map<?, ?> given) {
      given.forEach((key, each) -> map.put(String.valueOf(key), each));
    }
    return map;
  }

  /**
   * The text of an event, which may be a summary itself. The count comes first: lists cut titles
   * off at some 100 characters.
   */
  private String said(String text) {
    String alone = SAID.matcher(text).replaceFirst("");
    return alone.isEmpty() ? shortly() : shortly() + ": " + alone;
  }

  /** {@code 37 more in 60 s}. */
  private String shortly() {
    return String.format(
        Locale.ROOT, "%,d %s in %d s", count, before == 0 ? "times" : "more", seconds());
  }

  private long seconds() {
    return Math.max(1, Math.round(Duration.between(since, last).toMillis() / 1_000.0));
  }

  /** For a person: {@code worker 3 died 12 times in 41 s, 1 of them reported before}. */
  private String sentence(Kind kind) {
    long all = before + count;
    return subject(kind)
        + String.format(Locale.ROOT, "%,d", all)
        + (all == 1 ? " time" : " times")
        + " in "
        + seconds()
        + " s"
        + (before == 0 ? "" : String.format(Locale.ROOT, ", %,d of them reported before", before));
  }

  private String subject(Kind kind) {
    if (kind != Kind.DEATH) {
      return "";
    }
    Map<String, Long> workers = frequent.getOrDefault(WORKER, Map.of());
    return switch (workers.size()) {
      case 0 -> "died ";
      case 1 -> "worker " + workers.keySet().iterator().next() + " died ";
      default -> "workers " + String.join(", ", workers.keySet()) + " died ";
    };
  }
}

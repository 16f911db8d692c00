package io.uwsgisentry.event;

import io.uwsgisentry.journal.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an event tells that stands for more than one occurrence. It says so in {@code
 * extra.occurrences}, an integer, what it stands for, itself included; an event without it stands
 * for one. So the sum over a storm is exact.
 *
 * @param count how many this event stands for
 * @param first the earliest of them
 * @param last the latest of them
 * @param before how many of the same fault were told of by earlier events, from {@code since} on
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
  static final String STORM = "storm";
  private static final String WORKER = "worker";

  /**
   * A new event like the given one (same exception, same fingerprint, so the same issue), with an
   * id of its own, the time of the last occurrence, and the count.
   *
   * @param like an event that {@link EventFactory} built
   * @throws IllegalArgumentException if its payload is not an event's JSON
   */
  public Event summary(Event like, Kind kind) {
    Map<String, @Nullable Object> payload;
    try {
      payload = Json.parseObject(like.payload());
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
    extra.put(STORM, sentence(kind));
    if (!frequent.isEmpty()) {
      extra.put(FREQUENT, frequent);
    }
    payload.put("extra", extra);
    return new Event(
        id,
        last,
        like.category(),
        like.level(),
        like.title(),
        Json.write(payload).getBytes(StandardCharsets.UTF_8));
  }

  /** The same, into an event that is being made. */
  void tell(Draft draft, Kind kind) {
    draft.extra(COUNT, count);
    draft.extra(FIRST, first.toString());
    draft.extra(LAST, last.toString());
    draft.extra(STORM, sentence(kind));
    if (!frequent.isEmpty()) {
      draft.extra(FREQUENT, frequent);
    }
  }

  /** For a person: {@code worker 3 died 12 times in 41 s, 1 of them told before}. */
  private String sentence(Kind kind) {
    long all = before + count;
    long seconds = Math.max(1, Math.round(Duration.between(since, last).toMillis() / 1_000.0));
    return subject(kind)
        + String.format(Locale.ROOT, "%,d", all)
        + (all == 1 ? " time" : " times")
        + " in "
        + seconds
        + " s"
        + (before == 0 ? "" : String.format(Locale.ROOT, ", %,d of them told before", before));
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

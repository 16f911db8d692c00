package io.uwsgisentry.event;

import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Events that stand for more than one occurrence. They say so in {@code extra.occurrences}, an
 * integer, what they stand for, the event itself included; an event without it stands for one. So
 * the sum over a storm is exact.
 */
public final class Occurrences {
  static final String COUNT = "occurrences";
  static final String FIRST = "first_occurrence";
  static final String LAST = "last_occurrence";

  private Occurrences() {}

  /**
   * A new event like the given one (same exception, same fingerprint, so the same issue), with an
   * id of its own, the time of the last occurrence, and the count.
   *
   * @param like an event that {@link EventFactory} built
   * @throws IllegalArgumentException if its payload is not an event's JSON
   */
  public static Event summary(Event like, long occurrences, Instant first, Instant last) {
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
    extra.put(COUNT, occurrences);
    extra.put(FIRST, first.toString());
    extra.put(LAST, last.toString());
    payload.put("extra", extra);
    return new Event(
        id,
        last,
        like.category(),
        like.level(),
        like.title(),
        Json.write(payload).getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }
}

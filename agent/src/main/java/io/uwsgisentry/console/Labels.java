package io.uwsgisentry.console;

import io.uwsgisentry.outbox.State;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What states and times are called, the same everywhere. */
final class Labels {
  private static final DateTimeFormatter SHORT =
      DateTimeFormatter.ofPattern("MM-dd HH:mm:ss", Locale.ROOT);
  private static final DateTimeFormatter FULL =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS xxx", Locale.ROOT);

  private Labels() {}

  static String state(State state) {
    return state.name().toLowerCase(Locale.ROOT);
  }

  /** What a state means for the person who reads it. */
  static String explain(State state) {
    return switch (state) {
      case READY -> "waits to be sent";
      case DELIVERED -> "the server accepted it";
      case DEAD -> "will not be sent; `uwsgi-sentry events retry ID` tries again";
      case UNDELIVERABLE -> "its handler's DSN cannot be used; kept until it can";
      case LOCAL -> "no DSN is configured; kept on this machine";
    };
  }

  static String shortTime(Instant time, ZoneId zone) {
    return SHORT.withZone(zone).format(time);
  }

  static String fullTime(Instant time, ZoneId zone) {
    return FULL.withZone(zone).format(time);
  }

  /** For a JSON object: leaves the key out if there is no value. */
  static void put(Map<String, @Nullable Object> object, String key, @Nullable Object value) {
    if (value != null) {
      object.put(key, value);
    }
  }
}

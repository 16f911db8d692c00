package io.uwsgisentry.delivery;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What came of sending one event once. */
public sealed interface Outcome {
  /**
   * One line for a person: the server's words or the network's error, at most some 600 characters,
   * never key or secret.
   */
  String words();

  /**
   * What the server said of its rate limits, whatever else it answered: how long, by category,
   * {@code ""} for all.
   */
  default Map<String, Duration> limits() {
    return Map.of();
  }

  /** The server took it (2xx). */
  record Delivered(int status, String words, @Override Map<String, Duration> limits)
      implements Outcome {}

  /** No answer: the address does not resolve, the connection or TLS failed, time ran out. */
  record Unreachable(String words) implements Outcome {}

  /**
   * The server failed (5xx).
   *
   * @param pause how long it asked to be left alone, null if it did not say
   */
  record Failing(
      int status, String words, @Nullable Duration pause, @Override Map<String, Duration> limits)
      implements Outcome {}

  /** The server wants no more of that category for now (429); {@code limits} holds it at least. */
  record Limited(String words, @Override Map<String, Duration> limits) implements Outcome {}

  /**
   * The server rejects the DSN (401, 403, 404): no event is at fault.
   *
   * @param status what it answered
   */
  record Denied(int status, String words, @Override Map<String, Duration> limits)
      implements Outcome {}

  /**
   * The server takes events, but none so large (413).
   *
   * @param smaller the payload with less in it, null if nothing more can be left out
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record TooLarge(String words, byte @Nullable [] smaller, @Override Map<String, Duration> limits)
      implements Outcome {}

  /** The server will never take it (3xx and other 4xx). */
  record Refused(int status, String words, @Override Map<String, Duration> limits)
      implements Outcome {}

  /** It could not even be written as a request: a fault of this program. */
  record Unsendable(String words) implements Outcome {}
}

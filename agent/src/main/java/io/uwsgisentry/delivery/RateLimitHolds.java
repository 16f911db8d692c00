package io.uwsgisentry.delivery;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/**
 * Until when a server wants nothing of a category: its own words (rate limits, {@code
 * Retry-After}), kept in the outbox over restarts.
 */
final class RateLimitHolds {
  private final Map<String, Instant> until;

  /**
   * @param stored by category
   */
  RateLimitHolds(Map<String, Instant> stored) {
    this.until = new HashMap<>(stored);
  }

  /** Of two for one category the longer. */
  void add(Map<String, Instant> more) {
    more.forEach((category, end) -> until.merge(category, end, RateLimitHolds::later));
  }

  /** Whether nothing at all may be sent. */
  boolean all(Instant now) {
    return !left(RateLimits.ALL, now).isZero();
  }

  boolean on(String category, Instant now) {
    return all(now) || !left(category, now).isZero();
  }

  /** How long nothing of that category may be sent, on its own account or with all others. */
  Duration leftFor(String category, Instant now) {
    return RateLimits.max(left(RateLimits.ALL, now), left(category, now));
  }

  /** A hold beyond the longest is the trace of a clock that was set back. */
  private Duration left(String category, Instant now) {
    Instant end = until.get(category);
    return end == null
            || !end.isAfter(now)
            || end.isAfter(now.plus(RateLimits.LONGEST).plusSeconds(60))
        ? Duration.ZERO
        : Duration.between(now, end);
  }

  static Instant later(Instant a, Instant b) {
    return a.isAfter(b) ? a : b;
  }
}

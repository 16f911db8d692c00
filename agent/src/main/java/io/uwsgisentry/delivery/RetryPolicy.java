package io.uwsgisentry.delivery;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How fast a lane goes.
 *
 * @param firstBackoff the most that is waited after one failure; it doubles with each further one
 * @param longestBackoff the most that is ever waited, unless the server asked for more
 * @param spacing between two requests until the server has taken one; Sentry asks for about 100 ms
 *     between what was held back
 * @param window requests in flight at once, at most. A distant server takes window / round trip a
 *     second: 8 in 50 ms are 160
 * @param reports between two client reports to one server, at least
 */
record RetryPolicy(
    Duration firstBackoff,
    Duration longestBackoff,
    Duration spacing,
    int window,
    Duration reports) {
  static final RetryPolicy DEFAULT =
      new RetryPolicy(Duration.ofSeconds(1), Duration.ofSeconds(60), Duration.ofMillis(100), 8);

  RetryPolicy(Duration firstBackoff, Duration longestBackoff, Duration spacing, int window) {
    this(firstBackoff, longestBackoff, spacing, window, Duration.ofSeconds(60));
  }

  /**
   * A random time up to the doubled one ("full jitter"): agents that one outage has brought into
   * step fall out of it.
   *
   * @param failures in a row, from 1
   */
  Duration backoff(int failures) {
    long most = firstBackoff.toMillis() << Math.min(failures - 1, 30);
    most = Math.min(most, longestBackoff.toMillis());
    return Duration.ofMillis(
        Math.max(spacing.toMillis(), ThreadLocalRandom.current().nextLong(most + 1)));
  }

  /**
   * How long a circuit stays open before the next try, at most: half a minute, doubled with each
   * try in vain, up to a quarter of an hour. A person has to mend something there, and may say so
   * when it is done.
   *
   * @param probes in vain, from 1
   */
  Duration probe(int probes) {
    long most = (firstBackoff.toMillis() * 30) << Math.min(probes - 1, 20);
    most = Math.min(most, longestBackoff.toMillis() * 15);
    return Duration.ofMillis(most - ThreadLocalRandom.current().nextLong(most / 4 + 1));
  }
}

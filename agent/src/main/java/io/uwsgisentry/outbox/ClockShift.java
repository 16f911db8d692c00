package io.uwsgisentry.outbox;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * The moments from which the outbox measures, or up to which something waits. All of them are times
 * of the clock as it was before it was set: the agent's goes on as before until they are moved.
 */
final class ClockShift {
  // What happened when, in the events and the counters, is told as it was.
  private static final List<String> SHIFTS =
      List.of(
          "UPDATE entries SET stored = stored + ?1",
          "UPDATE entries SET settled = settled + ?1 WHERE settled IS NOT NULL",
          "UPDATE entries SET not_before = not_before + ?1 WHERE not_before IS NOT NULL",
          "UPDATE holds SET until = until + ?1",
          "UPDATE breakers SET since = since + ?1, next = next + ?1",
          "UPDATE turned SET at = at + ?1 WHERE at > 0",
          "UPDATE files SET finished = finished + ?1 WHERE finished IS NOT NULL");

  // The newest rows are enough: what is put right by them was stored later still, or is over
  // sooner.
  private static final String LATEST =
      "SELECT max(coalesce((SELECT max(stored) FROM (SELECT stored FROM entries ORDER BY seq DESC"
          + " LIMIT 100)), 0), coalesce((SELECT max(finished) FROM files), 0))";

  private ClockShift() {}

  /**
   * How far the latest moment that was stored lies ahead of the clock: so far at least it was set
   * back while nobody looked. That it was set ahead looks like time that passed.
   */
  static Duration ahead(Database database, Instant now) throws IOException {
    long latest = database.read(() -> database.number(LATEST));
    return Duration.ofMillis(Math.max(0, latest - now.toEpochMilli()));
  }

  static void shift(Database database, Duration by) throws IOException {
    database.write(
        tx -> {
          for (String shift : SHIFTS) {
            tx.update(shift, by.toMillis());
          }
          return true;
        });
  }
}

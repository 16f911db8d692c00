package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * The moments from which the outbox measures, or up to which something waits.
 *
 * <p>Between the jump and the moment in which it is noticed something may have been stored, or put
 * off, with the clock as it is now. What is stored as of the last minutes by the new clock is
 * therefore left alone. That may be wrong of what the old one had stored as of the same minutes: it
 * is then taken for older or younger than it is by a jump that is no longer than that, or, after
 * one back, kept for longer, never lost.
 */
final class Moments {
  private static final Duration UNNOTICED = Duration.ofMinutes(5);

  /** No server's hold is longer. */
  private static final Duration LONGEST_WAIT = Duration.ofHours(25);

  // What happened when, in the events and the counters, is told as it was.
  private static final List<String> SHIFTS =
      List.of(
          "UPDATE entries SET stored = stored + ?1 WHERE stored NOT BETWEEN ?2 AND ?3",
          "UPDATE entries SET settled = settled + ?1 WHERE settled NOT BETWEEN ?2 AND ?3",
          "UPDATE entries SET not_before = CASE WHEN not_before + ?1 <= ?4 THEN not_before + ?1 END"
              + " WHERE not_before IS NOT NULL",
          "UPDATE holds SET until = until + ?1",
          "UPDATE breakers SET since = since + ?1, next = min(next + ?1, ?4)",
          "UPDATE turned SET at = at + ?1 WHERE at > 0",
          "UPDATE files SET finished = finished + ?1 WHERE finished NOT BETWEEN ?2 AND ?3");

  private Moments() {}

  /**
   * @param now by the clock as it is now
   */
  static void shift(Database database, Duration by, Instant now) throws IOException {
    long millis = now.toEpochMilli();
    long[] values = {
      by.toMillis(), millis - UNNOTICED.toMillis(), millis, millis + LONGEST_WAIT.toMillis()
    };
    database.write(
        () -> {
          for (String shift : SHIFTS) {
            PreparedStatement statement = database.prepared(shift);
            for (int i = 1; i <= values.length; i++) {
              if (shift.contains("?" + i)) {
                statement.setLong(i, values[i - 1]);
              }
            }
            statement.executeUpdate();
          }
          return true;
        });
  }
}

package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.List;

/** The moments from which the outbox measures, or up to which something waits. */
final class Moments {
  // What happened when, in the events and the counters, is told as it was.
  private static final List<String> SHIFTS =
      List.of(
          "UPDATE entries SET stored = stored + ?1, not_before = not_before + ?1,"
              + " settled = settled + ?1",
          "UPDATE holds SET until = until + ?1",
          "UPDATE breakers SET since = since + ?1, next = next + ?1",
          "UPDATE turned SET at = at + ?1 WHERE at > 0",
          "UPDATE files SET finished = finished + ?1");

  private Moments() {}

  static void shift(Database database, Duration by) throws IOException {
    database.write(
        () -> {
          for (String shift : SHIFTS) {
            PreparedStatement statement = database.prepared(shift);
            statement.setLong(1, by.toMillis());
            statement.executeUpdate();
          }
          return true;
        });
  }
}

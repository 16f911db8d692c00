package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;

/** The table of what was counted. */
final class Counters {
  private Counters() {}

  static void add(
      Tx tx, Counter.Name name, String reason, String subject, long quantity, long nowMillis)
      throws SQLException {
    tx.update(
        "INSERT INTO counters(name, reason, subject, quantity, last) VALUES (?, ?, ?, ?, ?)"
            + " ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity,"
            + " last = excluded.last",
        label(name),
        reason,
        subject,
        quantity,
        nowMillis);
  }

  static void uncount(Tx tx, Counter.Name name, String reason, String subject, long quantity)
      throws SQLException {
    tx.update(
        "UPDATE counters SET quantity = max(quantity - ?, 0)"
            + " WHERE name = ? AND reason = ? AND subject = ?",
        quantity,
        label(name),
        reason,
        subject);
    tx.update("DELETE FROM counters WHERE quantity = 0");
  }

  static List<Counter> all(Database database) throws IOException {
    return database.read(
        () ->
            database.query(
                "SELECT name, reason, subject, quantity, last FROM counters ORDER BY 1, 2, 3",
                row ->
                    new Counter(
                        Counter.Name.valueOf(row.getString(1).toUpperCase(Locale.ROOT)),
                        row.getString(2),
                        row.getString(3),
                        row.getLong(4),
                        Instant.ofEpochMilli(row.getLong(5)))));
  }

  private static String label(Counter.Name name) {
    return name.name().toLowerCase(Locale.ROOT);
  }
}

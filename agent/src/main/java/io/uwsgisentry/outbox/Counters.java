package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The table of what was counted. */
final class Counters {
  private Counters() {}

  /** In a write only. */
  static void add(
      Database database,
      Counter.Name name,
      String reason,
      String subject,
      long quantity,
      long nowMillis)
      throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "INSERT INTO counters(name, reason, subject, quantity, last) VALUES (?, ?, ?, ?, ?)"
                + " ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity,"
                + " last = excluded.last");
    statement.setString(1, name.name().toLowerCase(Locale.ROOT));
    statement.setString(2, reason);
    statement.setString(3, subject);
    statement.setLong(4, quantity);
    statement.setLong(5, nowMillis);
    statement.executeUpdate();
  }

  /** In a write only. */
  static void uncount(
      Database database, Counter.Name name, String reason, String subject, long quantity)
      throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE counters SET quantity = max(quantity - ?, 0)"
                + " WHERE name = ? AND reason = ? AND subject = ?");
    statement.setLong(1, quantity);
    statement.setString(2, name.name().toLowerCase(Locale.ROOT));
    statement.setString(3, reason);
    statement.setString(4, subject);
    statement.executeUpdate();
    database.execute("DELETE FROM counters WHERE quantity = 0");
  }

  static List<Counter> all(Database database) throws IOException {
    return database.read(
        () -> {
          List<Counter> counters = new ArrayList<>();
          PreparedStatement statement =
              database.prepared(
                  "SELECT name, reason, subject, quantity, last FROM counters ORDER BY 1, 2, 3");
          try (ResultSet row = statement.executeQuery()) {
            while (row.next()) {
              counters.add(
                  new Counter(
                      Counter.Name.valueOf(row.getString(1).toUpperCase(Locale.ROOT)),
                      row.getString(2),
                      row.getString(3),
                      row.getLong(4),
                      Instant.ofEpochMilli(row.getLong(5))));
            }
          }
          return counters;
        });
  }
}

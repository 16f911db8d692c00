package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/**
 * The one place where something is given up: it is counted for {@code status}, and for the report
 * to the server that it was meant for. Both happen in the transaction that gives it up, so that
 * neither a crash nor a failed write makes the numbers differ from what is there.
 */
final class Discards {
  private final Database database;
  private final Destinations destinations;

  Discards(Database database, Destinations destinations) {
    this.database = database;
    this.destinations = destinations;
  }

  /**
   * In a write only.
   *
   * @param destination row of the server that it was meant for, 0 for none: then it is counted only
   * @param quantity how many events; of a folded one the occurrences
   */
  void add(long destination, DiscardReason reason, String category, long quantity, long nowMillis)
      throws SQLException {
    Counters.add(database, Counter.Name.DISCARDED, reason.label(), category, quantity, nowMillis);
    if (destination != 0) {
      tell(destination, reason, category, quantity);
    }
  }

  /** In a write only: that server is to be told of it; it is counted elsewhere. */
  void tell(long destination, DiscardReason reason, String category, long quantity)
      throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "INSERT INTO reports(destination, reason, category, quantity) VALUES (?, ?, ?, ?)"
                + " ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity");
    statement.setLong(1, destination);
    statement.setString(2, reason.label());
    statement.setString(3, category);
    statement.setLong(4, quantity);
    statement.executeUpdate();
  }

  /**
   * In a write only: these are to be sent after all. A server that was told of them cannot be told
   * otherwise.
   */
  void uncount(long destination, String reason, String category, long quantity)
      throws SQLException {
    Counters.uncount(database, Counter.Name.DISCARDED, reason, category, quantity);
    PreparedStatement told =
        database.prepared(
            "UPDATE reports SET quantity = quantity - ? WHERE destination = ? AND reason = ?"
                + " AND category = ?");
    told.setLong(1, quantity);
    told.setLong(2, destination);
    told.setString(3, reason);
    told.setString(4, category);
    told.executeUpdate();
    database.execute("DELETE FROM reports WHERE quantity <= 0");
  }

  /** Keys of the destinations that are to be told something, and can be. */
  List<String> destinations() throws IOException {
    return database.read(
        () -> {
          List<String> keys = new ArrayList<>();
          PreparedStatement statement =
              database.prepared(
                  "SELECT id FROM destinations WHERE id IN (SELECT destination FROM reports)");
          List<Long> ids = new ArrayList<>();
          try (ResultSet row = statement.executeQuery()) {
            while (row.next()) {
              ids.add(row.getLong(1));
            }
          }
          for (long id : ids) {
            Destinations.Address address = destinations.addressIfThere(id);
            if (address != null && address.dsn() != null) {
              keys.add(address.key());
            }
          }
          return keys;
        });
  }

  List<Discarded> unreported(String destinationKey, int limit) throws IOException {
    return database.read(
        () -> {
          List<Discarded> all = new ArrayList<>();
          PreparedStatement statement =
              database.prepared(
                  "SELECT reason, category, quantity FROM reports WHERE destination ="
                      + " (SELECT id FROM destinations WHERE key = ?) ORDER BY 1, 2 LIMIT ?");
          statement.setString(1, destinationKey);
          statement.setInt(2, limit);
          try (ResultSet row = statement.executeQuery()) {
            while (row.next()) {
              all.add(new Discarded(row.getString(1), row.getString(2), row.getLong(3)));
            }
          }
          return all;
        });
  }

  /** What came in the meantime stays. */
  void reported(String destinationKey, List<Discarded> told) throws IOException {
    database.write(
        () -> {
          PreparedStatement less =
              database.prepared(
                  "UPDATE reports SET quantity = quantity - ? WHERE reason = ? AND category = ?"
                      + " AND destination = (SELECT id FROM destinations WHERE key = ?)");
          for (Discarded one : told) {
            less.setLong(1, one.quantity());
            less.setString(2, one.reason());
            less.setString(3, one.category());
            less.setString(4, destinationKey);
            less.executeUpdate();
          }
          database.execute("DELETE FROM reports WHERE quantity <= 0");
          return told.size();
        });
  }
}

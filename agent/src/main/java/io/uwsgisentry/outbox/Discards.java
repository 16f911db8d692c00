package io.uwsgisentry.outbox;

import java.io.IOException;
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
   * Counts what is given up.
   *
   * @param destination row of the server that it was meant for, 0 for none: then it is counted only
   * @param quantity how many events; of a counted one the occurrences
   */
  void add(
      Tx tx, long destination, DiscardReason reason, String category, long quantity, long nowMillis)
      throws SQLException {
    Counters.add(tx, Counter.Name.DISCARDED, reason.label(), category, quantity, nowMillis);
    if (destination != 0) {
      report(tx, destination, reason, category, quantity);
    }
  }

  /** That server gets a report of it; it is counted elsewhere. */
  void report(Tx tx, long destination, DiscardReason reason, String category, long quantity)
      throws SQLException {
    tx.update(
        "INSERT INTO reports(destination, reason, category, quantity) VALUES (?, ?, ?, ?)"
            + " ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity",
        destination,
        reason.label(),
        category,
        quantity);
  }

  /** These are to be sent after all. What a server has a report of already stays reported. */
  void uncount(Tx tx, long destination, String reason, String category, long quantity)
      throws SQLException {
    Counters.uncount(tx, Counter.Name.DISCARDED, reason, category, quantity);
    tx.update(
        "UPDATE reports SET quantity = quantity - ? WHERE destination = ? AND reason = ?"
            + " AND category = ?",
        quantity,
        destination,
        reason,
        category);
    tx.update("DELETE FROM reports WHERE quantity <= 0");
  }

  /** Keys of the destinations that a report is due for, and that can be sent one. */
  List<String> destinations() throws IOException {
    return database.read(
        () -> {
          List<String> keys = new ArrayList<>();
          for (long id :
              database.query(
                  "SELECT id FROM destinations WHERE id IN (SELECT destination FROM reports)",
                  row -> row.getLong(1))) {
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
        () ->
            database.query(
                "SELECT reason, category, quantity FROM reports WHERE destination ="
                    + " (SELECT id FROM destinations WHERE key = ?) ORDER BY 1, 2 LIMIT ?",
                row -> new Discarded(row.getString(1), row.getString(2), row.getLong(3)),
                destinationKey,
                limit));
  }

  /** What came in the meantime stays. */
  void reported(String destinationKey, List<Discarded> reported) throws IOException {
    database.write(
        tx -> {
          for (Discarded one : reported) {
            tx.update(
                "UPDATE reports SET quantity = quantity - ? WHERE reason = ? AND category = ?"
                    + " AND destination = (SELECT id FROM destinations WHERE key = ?)",
                one.quantity(),
                one.reason(),
                one.category(),
                destinationKey);
          }
          return tx.update("DELETE FROM reports WHERE quantity <= 0");
        });
  }
}

package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.MalformedDsnException;
import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that entries refer to by number, cached: there are few, and rows are never changed.
 * Used under the database's lock.
 */
final class Destinations {
  /**
   * One row.
   *
   * @param dsn null if this version cannot use what an older one has stored
   */
  record Address(long id, String key, @Nullable Dsn dsn, boolean verify, Route reach) {}

  private static final Duration USUAL_TIMEOUT = Duration.ofSeconds(4);

  private final Database database;
  private final Map<Long, Address> byId = new HashMap<>();
  private final Map<Destination.To, Long> ids = new HashMap<>();

  Destinations(Database database) {
    this.database = database;
    database.onRollback(
        () -> {
          // Rows of the failed transaction may be among them.
          byId.clear();
          ids.clear();
        });
  }

  Address address(long id) throws SQLException, IOException {
    Address address = addressIfThere(id);
    if (address == null) {
      throw new IOException(database.file() + ": an entry's destination " + id + " is missing");
    }
    return address;
  }

  @Nullable Address addressIfThere(long id) throws SQLException, IOException {
    Address known = byId.get(id);
    if (known != null) {
      return known;
    }
    Address address =
        database.first(
            "SELECT key, dsn, verify, ca, proxy FROM destinations WHERE id = ?",
            row ->
                new Address(
                    id,
                    row.getString(1),
                    dsn(row.getString(2)),
                    row.getBoolean(3),
                    new Route(SqlValues.text(row, 4), SqlValues.text(row, 5))),
            id);
    if (address != null) {
      byId.put(id, address);
    }
    return address;
  }

  private static @Nullable Dsn dsn(String text) {
    try {
      return Dsn.parse(text);
    } catch (MalformedDsnException e) {
      return null;
    }
  }

  /** Those that cannot be used, with what is wrong. Under the lock. */
  Map<Long, String> unusable() throws SQLException, IOException {
    Map<Long, String> faults = new HashMap<>();
    database.each(
        "SELECT id, dsn FROM destinations",
        row -> {
          try {
            Dsn unused = Dsn.parse(row.getString(2));
          } catch (MalformedDsnException e) {
            faults.put(row.getLong(1), String.valueOf(e.getMessage()));
          }
          return true;
        });
    return faults;
  }

  /** Those that entries wait for, and there is no row of. Under the lock. */
  List<Long> missing() throws SQLException, IOException {
    return database.query(
        "SELECT DISTINCT destination FROM entries WHERE state = 0"
            + " AND destination NOT IN (SELECT id FROM destinations)",
        row -> row.getLong(1));
  }

  /** The destination with that key. Under the lock. */
  Destination.To find(String key) throws SQLException, IOException {
    Long id =
        database.first("SELECT id FROM destinations WHERE key = ?", row -> row.getLong(1), key);
    if (id == null) {
      throw new IOException(database.file() + ": destination " + key + " is missing");
    }
    Address address = address(id);
    Dsn dsn = address.dsn();
    if (dsn == null) {
      throw new IOException(database.file() + ": the DSN of " + key + " cannot be used");
    }
    return new Destination.To(dsn, address.verify(), USUAL_TIMEOUT, false, address.reach());
  }

  /** The number of the row for that destination; a new row if there is none. */
  long idOf(Tx tx, Destination.To to) throws SQLException, IOException {
    Long cached = ids.get(to);
    if (cached != null) {
      return cached;
    }
    Long id =
        tx.first(
            "INSERT INTO destinations(key, dsn, verify, ca, proxy) VALUES (?, ?, ?, ?, ?)"
                + " ON CONFLICT(key) DO UPDATE SET dsn = excluded.dsn RETURNING id",
            row -> row.getLong(1),
            to.key(),
            to.dsn().full(),
            to.verify(),
            to.reach().ca(),
            to.reach().proxy());
    ids.put(to, Objects.requireNonNull(id));
    return id;
  }

  /** The same; null for null. */
  @Nullable Long idOrNull(Tx tx, Destination.@Nullable To to) throws SQLException, IOException {
    return to == null ? null : (Long) idOf(tx, to);
  }
}

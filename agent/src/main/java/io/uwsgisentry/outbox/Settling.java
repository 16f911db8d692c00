package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Moves entries from state to state: after sending, after a new configuration, on a person's order.
 */
final class Settling {
  private final Database database;
  private final Destinations destinations;
  private final Handlers handlers;
  private final Discards discards;

  Settling(Database database, Destinations destinations, Handlers handlers, Discards discards) {
    this.database = database;
    this.destinations = destinations;
    this.handlers = handlers;
    this.discards = discards;
  }

  void settle(List<Settlement> settlements) throws IOException {
    database.write(
        () -> {
          for (Settlement settlement : settlements) {
            if (settlement instanceof Settlement.Delivered delivered) {
              deliver(delivered);
            } else if (settlement instanceof Settlement.Retry retry) {
              postpone(retry);
            } else if (settlement instanceof Settlement.Dead dead) {
              bury(dead);
            }
          }
          return settlements.size();
        });
  }

  private void deliver(Settlement.Delivered delivered) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET state = 1, attempts = attempts + 1, status = ?, settled = ?,"
                + " not_before = NULL, last_error = NULL WHERE id = ? AND state = 0");
    statement.setInt(1, delivered.status());
    statement.setLong(2, delivered.when().toEpochMilli());
    statement.setBytes(3, Columns.id(delivered.id()));
    statement.executeUpdate();
  }

  private void postpone(Settlement.Retry retry) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET attempts = attempts + 1, not_before = ?, last_error = ?"
                + " WHERE id = ? AND state = 0");
    statement.setLong(1, retry.notBefore().toEpochMilli());
    statement.setString(2, retry.error());
    statement.setBytes(3, Columns.id(retry.id()));
    statement.executeUpdate();
  }

  private void bury(Settlement.Dead dead) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET state = 2, attempts = attempts + 1, not_before = NULL,"
                + " last_error = ?, settled = ? WHERE id = ? AND state = 0"
                + " RETURNING category, occurrences, destination");
    statement.setString(1, dead.answer());
    statement.setLong(2, dead.when().toEpochMilli());
    statement.setBytes(3, Columns.id(dead.id()));
    String category = null;
    long occurrences = 0;
    long destination = 0;
    try (ResultSet row = statement.executeQuery()) {
      if (row.next()) {
        category = row.getString(1);
        occurrences = row.getLong(2);
        destination = row.getLong(3);
      }
    }
    if (category != null) {
      discards.add(destination, dead.reason(), category, occurrences, dead.when().toEpochMilli());
    }
  }

  /** Asks anew where the entries go that had nowhere to go. */
  int resolve(Resolver resolver) throws IOException {
    return database.write(
        () -> {
          List<Long> waiting = new ArrayList<>();
          try (ResultSet row =
              database
                  .prepared("SELECT DISTINCT handler FROM entries WHERE state IN (3, 4)")
                  .executeQuery()) {
            while (row.next()) {
              waiting.add(row.getLong(1));
            }
          }
          int ready = 0;
          for (long hash : waiting) {
            Handler handler = handlers.find(hash);
            if (handler != null) {
              ready += move(hash, resolver.resolve(handler));
            }
          }
          return ready;
        });
  }

  private int move(long handler, Destination destination) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET state = ?, destination = ?, timeout = ?, debug = ?, last_error = ?"
                + " WHERE state IN (3, 4) AND handler = ?");
    Destination.To to = destination instanceof Destination.To usable ? usable : null;
    set(statement, to, destination);
    statement.setLong(6, handler);
    int moved = statement.executeUpdate();
    return to == null ? 0 : moved;
  }

  private void set(
      PreparedStatement statement, Destination.@Nullable To to, Destination destination)
      throws SQLException {
    statement.setInt(1, State.of(destination).code());
    Columns.setLong(statement, 2, to == null ? null : destinations.idOf(to));
    statement.setLong(3, to == null ? 0 : to.timeout().toMillis());
    statement.setBoolean(4, to != null && to.debug());
    Columns.setText(
        statement,
        5,
        destination instanceof Destination.Malformed malformed ? malformed.fault() : null);
  }

  /**
   * Makes these entries ready at once: dead ones, those that wait for a later time, and those
   * without a destination whose handler has one now.
   */
  int retry(Collection<String> ids, Resolver resolver) throws IOException {
    return database.write(
        () -> {
          int ready = 0;
          for (String id : ids) {
            ready += retry(id, resolver);
          }
          return ready;
        });
  }

  private int retry(String id, Resolver resolver) throws SQLException {
    PreparedStatement again =
        database.prepared(
            "UPDATE entries SET state = 0, not_before = NULL, settled = NULL WHERE id = ?"
                + " AND raw = 0 AND destination IS NOT NULL AND state IN (0, 2)");
    again.setBytes(1, Columns.id(id));
    if (again.executeUpdate() > 0) {
      return 1;
    }
    Handler handler = handlers.ofWaiting(id);
    Destination destination = handler == null ? null : resolver.resolve(handler);
    if (destination == null) {
      return 0;
    }
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET state = ?, destination = ?, timeout = ?, debug = ?, last_error = ?"
                + " WHERE state IN (3, 4) AND id = ?");
    Destination.To to = destination instanceof Destination.To usable ? usable : null;
    set(statement, to, destination);
    statement.setBytes(6, Columns.id(id));
    int moved = statement.executeUpdate();
    return to == null ? 0 : moved;
  }

  void hold(String destinationKey, String category, Instant until) throws IOException {
    database.write(
        () -> {
          // The longer hold wins, as in Sentry's own SDKs.
          PreparedStatement statement =
              database.prepared(
                  "INSERT INTO holds(destination, category, until) VALUES (?, ?, ?)"
                      + " ON CONFLICT DO UPDATE SET until = max(until, excluded.until)");
          statement.setString(1, destinationKey);
          statement.setString(2, category);
          statement.setLong(3, until.toEpochMilli());
          return statement.executeUpdate();
        });
  }

  Map<String, Instant> holds(String destinationKey) throws IOException {
    return database.read(
        () -> {
          Map<String, Instant> holds = new HashMap<>();
          PreparedStatement statement =
              database.prepared("SELECT category, until FROM holds WHERE destination = ?");
          statement.setString(1, destinationKey);
          try (ResultSet row = statement.executeQuery()) {
            while (row.next()) {
              holds.put(row.getString(1), Instant.ofEpochMilli(row.getLong(2)));
            }
          }
          return holds;
        });
  }
}

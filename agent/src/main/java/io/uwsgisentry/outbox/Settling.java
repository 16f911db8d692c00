package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Moves entries from state to state: after sending, after a new configuration, on a person's order.
 */
final class Settling {
  private final Database database;
  private final Destinations destinations;
  private final Handlers handlers;
  private final Discards discards;
  private final OpenCircuits openCircuits;
  private final Clock clock;

  Settling(
      Database database,
      Destinations destinations,
      Handlers handlers,
      Discards discards,
      OpenCircuits openCircuits,
      Clock clock) {
    this.database = database;
    this.destinations = destinations;
    this.handlers = handlers;
    this.discards = discards;
    this.openCircuits = openCircuits;
    this.clock = clock;
  }

  void settle(List<Settlement> settlements) throws IOException {
    database.write(
        () -> {
          for (Settlement settlement : settlements) {
            if (settlement instanceof Settlement.Delivered delivered) {
              deliver(delivered);
            } else if (settlement instanceof Settlement.Retry retry) {
              postpone(retry);
            } else if (settlement instanceof Settlement.Denied away) {
              count(away);
            } else if (settlement instanceof Settlement.Smaller smaller) {
              replace(smaller);
            } else if (settlement instanceof Settlement.Dead dead) {
              markDead(dead);
            }
          }
          return settlements.size();
        });
  }

  private void deliver(Settlement.Delivered delivered) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET "
                + Transition.DELIVERED.set()
                + ", attempts = attempts + 1, status = ?, settled = ?,"
                + " not_before = NULL, last_error = NULL WHERE id = ? AND "
                + Transition.DELIVERED.where());
    statement.setInt(1, delivered.status());
    statement.setLong(2, delivered.when().toEpochMilli());
    statement.setBytes(3, SqlValues.id(delivered.id()));
    statement.executeUpdate();
  }

  private void postpone(Settlement.Retry retry) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET attempts = attempts + 1, not_before = ?, last_error = ?"
                + " WHERE id = ? AND state = 0");
    statement.setLong(1, retry.notBefore().toEpochMilli());
    statement.setString(2, retry.error());
    statement.setBytes(3, SqlValues.id(retry.id()));
    statement.executeUpdate();
  }

  private void count(Settlement.Denied away) throws SQLException {
    PreparedStatement statement =
        database.prepared("UPDATE entries SET denials = denials + 1 WHERE id = ? AND state = 0");
    statement.setBytes(1, SqlValues.id(away.id()));
    statement.executeUpdate();
  }

  private void replace(Settlement.Smaller smaller) throws SQLException {
    PreparedStatement entry =
        database.prepared(
            "UPDATE entries SET attempts = attempts + 1, not_before = NULL, last_error = ?,"
                + " size = ? WHERE id = ? AND state = 0");
    entry.setString(1, smaller.error());
    entry.setLong(2, smaller.payload().length);
    entry.setBytes(3, SqlValues.id(smaller.id()));
    if (entry.executeUpdate() == 0) {
      return;
    }
    PreparedStatement payload =
        database.prepared(
            "UPDATE payloads SET payload = ? WHERE seq = (SELECT seq FROM entries WHERE id = ?)");
    payload.setBytes(1, smaller.payload());
    payload.setBytes(2, SqlValues.id(smaller.id()));
    payload.executeUpdate();
  }

  private void markDead(Settlement.Dead dead) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET "
                + Transition.REFUSED.set()
                + ", attempts = attempts + 1, not_before = NULL,"
                + " last_error = ?, settled = ?, reason = ? WHERE id = ? AND "
                + Transition.REFUSED.where()
                + " RETURNING category, occurrences, destination");
    statement.setString(1, dead.answer());
    statement.setLong(2, dead.when().toEpochMilli());
    statement.setString(3, dead.reason().label());
    statement.setBytes(4, SqlValues.id(dead.id()));
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

  /**
   * Asks again where the entries go that had nowhere to go, or that wait behind an open circuit;
   * such servers are tried again.
   */
  int resolve(Resolver resolver) throws IOException {
    return database.write(
        () -> {
          int ready = 0;
          for (Handler handler : handlers.ofWaiting()) {
            ready += move(handler.hash(), resolver.resolve(handler));
          }
          for (Handler handler : handlers.behindOpenCircuits()) {
            if (resolver.resolve(handler) instanceof Destination.To to) {
              redirect(handler.hash(), to);
            }
          }
          openCircuits.probeAll();
          return ready;
        });
  }

  /**
   * What waits for a destination whose stored DSN cannot be used waits for its handler to have
   * another. Nothing can be told to such a server.
   *
   * @return what is wrong with these DSNs
   */
  List<String> withdrawUnusable() throws IOException {
    return database.write(
        () -> {
          Map<Long, String> faults = destinations.unusable();
          for (long missing : destinations.missing()) {
            faults.put(missing, "the destination is missing in the database");
          }
          for (Map.Entry<Long, String> fault : faults.entrySet()) {
            PreparedStatement entries =
                database.prepared(
                    "UPDATE entries SET "
                        + Transition.UNUSABLE.set()
                        + ", destination = NULL, not_before = NULL, last_error = ?"
                        + " WHERE destination = ? AND "
                        + Transition.UNUSABLE.where());
            entries.setString(1, fault.getValue());
            entries.setLong(2, fault.getKey());
            entries.executeUpdate();
            PreparedStatement reports =
                database.prepared("DELETE FROM reports WHERE destination = ?");
            reports.setLong(1, fault.getKey());
            reports.executeUpdate();
          }
          return List.copyOf(faults.values());
        });
  }

  private int move(long handler, Destination destination) throws SQLException {
    PreparedStatement statement = moving(destination, "handler = ?");
    statement.setLong(6, handler);
    int moved = statement.executeUpdate();
    return destination instanceof Destination.To ? moved : 0;
  }

  private PreparedStatement moving(Destination destination, String which) throws SQLException {
    Destination.To to = destination instanceof Destination.To usable ? usable : null;
    Transition move =
        to != null
            ? Transition.RESOLVED
            : destination instanceof Destination.None
                ? Transition.WITHDRAWN
                : Transition.MISCONFIGURED;
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET "
                + move.set()
                + ", destination = ?, timeout = ?, debug = ?, last_error = ?,"
                // Who only goes on waiting has waited since it came.
                + " stored = coalesce(?, stored) WHERE "
                + move.where()
                + " AND "
                + which);
    SqlValues.setLong(statement, 1, to == null ? null : destinations.idOf(to));
    statement.setLong(2, to == null ? 0 : to.timeout().toMillis());
    statement.setBoolean(3, to != null && to.debug());
    SqlValues.setText(
        statement,
        4,
        destination instanceof Destination.Malformed malformed ? malformed.fault() : null);
    SqlValues.setLong(statement, 5, to == null ? null : clock.millis());
    return statement;
  }

  /** What waits before a closed door goes where its handler's DSN leads to by now. */
  private void redirect(long handler, Destination.To to) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET destination = ?1, timeout = ?2, debug = ?3, not_before = NULL"
                + " WHERE state = 0 AND handler = ?4 AND destination <> ?1 AND "
                + OpenCircuits.BEHIND);
    statement.setLong(1, destinations.idOf(to));
    statement.setLong(2, to.timeout().toMillis());
    statement.setBoolean(3, to.debug());
    statement.setLong(4, handler);
    statement.executeUpdate();
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
    uncount(id);
    PreparedStatement again =
        database.prepared(
            "UPDATE entries SET "
                + Transition.RETRIED.set()
                + ", reason = NULL, not_before = NULL, settled = NULL, denials = 0, stored = ?"
                + " WHERE id = ?"
                + " AND raw = 0 AND destination IS NOT NULL AND "
                + Transition.RETRIED.where());
    again.setLong(1, clock.millis());
    again.setBytes(2, SqlValues.id(id));
    if (again.executeUpdate() > 0) {
      openCircuits.probe(SqlValues.id(id));
      return 1;
    }
    Handler handler = handlers.ofWaiting(id);
    Destination destination = handler == null ? null : resolver.resolve(handler);
    if (destination == null) {
      return 0;
    }
    PreparedStatement statement = moving(destination, "id = ?");
    statement.setBytes(6, SqlValues.id(id));
    int moved = statement.executeUpdate();
    return destination instanceof Destination.To ? moved : 0;
  }

  /** What had been given up is not, after all; it is counted when it is given up again. */
  private void uncount(String id) throws SQLException {
    PreparedStatement dead =
        database.prepared(
            "SELECT coalesce(destination, 0), reason, category, occurrences FROM entries"
                + " WHERE id = ? AND raw = 0 AND state = "
                + State.DEAD.code()
                + " AND reason IS NOT NULL");
    dead.setBytes(1, SqlValues.id(id));
    try (ResultSet row = dead.executeQuery()) {
      if (row.next()) {
        discards.uncount(row.getLong(1), row.getString(2), row.getString(3), row.getLong(4));
      }
    }
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

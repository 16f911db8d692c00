package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Clock;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Gives entries another destination: after a new configuration, or on a person's order. */
final class Rerouting {
  private record Given(long destination, String reason, String category, long occurrences) {}

  private final Database database;
  private final Destinations destinations;
  private final Handlers handlers;
  private final Discards discards;
  private final DestinationState state;
  private final Clock clock;

  Rerouting(
      Database database,
      Destinations destinations,
      Handlers handlers,
      Discards discards,
      DestinationState state,
      Clock clock) {
    this.database = database;
    this.destinations = destinations;
    this.handlers = handlers;
    this.discards = discards;
    this.state = state;
    this.clock = clock;
  }

  /**
   * Asks again where the entries go that had nowhere to go, or that wait behind an open circuit;
   * such servers are tried again.
   */
  int resolve(Resolver resolver) throws IOException {
    return database.write(
        tx -> {
          int ready = 0;
          for (Handler handler : handlers.ofWaiting()) {
            ready += move(tx, resolver.resolve(handler), "handler = ?", handler.hash());
          }
          for (Handler handler : handlers.behindOpenCircuits()) {
            if (resolver.resolve(handler) instanceof Destination.To to) {
              redirect(tx, handler.hash(), to);
            }
          }
          state.probeAll(tx);
          return ready;
        });
  }

  /**
   * What waits for a destination whose stored DSN cannot be used waits for its handler to have
   * another. No report can be sent to such a server.
   *
   * @return what is wrong with these DSNs
   */
  List<String> withdrawUnusable() throws IOException {
    return database.write(
        tx -> {
          Map<Long, String> faults = destinations.unusable();
          for (long missing : destinations.missing()) {
            faults.put(missing, "the destination is missing in the database");
          }
          for (Map.Entry<Long, String> fault : faults.entrySet()) {
            tx.update(
                "UPDATE entries SET "
                    + Transition.UNUSABLE.set()
                    + ", destination = NULL, not_before = NULL, last_error = ?"
                    + " WHERE destination = ? AND "
                    + Transition.UNUSABLE.where(),
                fault.getValue(),
                fault.getKey());
            tx.update("DELETE FROM reports WHERE destination = ?", fault.getKey());
          }
          return List.copyOf(faults.values());
        });
  }

  /** How many became ready of those that {@code which} names by its one value. */
  private int move(Tx tx, Destination destination, String which, Object value)
      throws SQLException, IOException {
    Destination.To to = destination instanceof Destination.To usable ? usable : null;
    Transition move =
        to != null
            ? Transition.RESOLVED
            : destination instanceof Destination.None
                ? Transition.WITHDRAWN
                : Transition.MISCONFIGURED;
    int moved =
        tx.update(
            "UPDATE entries SET "
                + move.set()
                + ", destination = ?, timeout = ?, debug = ?, last_error = ?,"
                // What only goes on waiting has waited since it came.
                + " stored = coalesce(?, stored) WHERE "
                + move.where()
                + " AND "
                + which,
            destinations.idOrNull(tx, to),
            to == null ? 0 : to.timeout().toMillis(),
            to != null && to.debug(),
            destination instanceof Destination.Malformed malformed ? malformed.fault() : null,
            to == null ? null : (Long) clock.millis(),
            value);
    return to == null ? 0 : moved;
  }

  /** What waits behind an open circuit goes where its handler's DSN leads to by now. */
  private void redirect(Tx tx, long handler, Destination.To to) throws SQLException, IOException {
    tx.update(
        "UPDATE entries SET destination = ?1, timeout = ?2, debug = ?3, not_before = NULL"
            + " WHERE state = 0 AND handler = ?4 AND destination <> ?1 AND "
            + DestinationState.BEHIND_OPEN_CIRCUIT,
        destinations.idOf(tx, to),
        to.timeout().toMillis(),
        to.debug(),
        handler);
  }

  /**
   * Makes these entries ready at once: dead ones, those that wait for a later time, and those
   * without a destination whose handler has one now.
   */
  int retry(Collection<String> ids, Resolver resolver) throws IOException {
    return database.write(
        tx -> {
          int ready = 0;
          for (String id : ids) {
            ready += retry(tx, id, resolver);
          }
          return ready;
        });
  }

  private int retry(Tx tx, String id, Resolver resolver) throws SQLException, IOException {
    uncount(tx, id);
    int again =
        tx.update(
            "UPDATE entries SET "
                + Transition.RETRIED.set()
                + ", reason = NULL, not_before = NULL, settled = NULL, denials = 0, stored = ?"
                + " WHERE id = ?"
                + " AND raw = 0 AND destination IS NOT NULL AND "
                + Transition.RETRIED.where(),
            clock.millis(),
            SqlValues.id(id));
    if (again > 0) {
      state.probe(tx, SqlValues.id(id));
      return 1;
    }
    Handler handler = handlers.ofWaiting(id);
    Destination destination = handler == null ? null : resolver.resolve(handler);
    return destination == null ? 0 : move(tx, destination, "id = ?", SqlValues.id(id));
  }

  /** What had been given up is not, after all; it is counted when it is given up again. */
  private void uncount(Tx tx, String id) throws SQLException, IOException {
    Given dead =
        database.first(
            "SELECT coalesce(destination, 0), reason, category, occurrences FROM entries"
                + " WHERE id = ? AND raw = 0 AND state = "
                + State.DEAD.code()
                + " AND reason IS NOT NULL",
            row -> new Given(row.getLong(1), row.getString(2), row.getString(3), row.getLong(4)),
            SqlValues.id(id));
    if (dead != null) {
      discards.uncount(tx, dead.destination(), dead.reason(), dead.category(), dead.occurrences());
    }
  }
}

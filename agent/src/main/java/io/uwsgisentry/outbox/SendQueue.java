package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The outbox as delivery sees it: what can be sent now, what came of it, and what servers said that
 * holds for all their entries. Any thread may call any method.
 */
public final class SendQueue {
  /** A question to this queue. */
  public interface Search {
    List<Entry> find() throws IOException;
  }

  private final Database database;
  private final Destinations destinations;
  private final DestinationState state;
  private final Discards discards;
  private final EntryRows rows;
  private final Set<String> inFlight = ConcurrentHashMap.newKeySet();

  SendQueue(
      Database database, Destinations destinations, DestinationState state, Discards discards) {
    this.database = database;
    this.destinations = destinations;
    this.state = state;
    this.discards = discards;
    this.rows = new EntryRows(destinations);
  }

  /** The destinations that something can be sent to now, rate limits aside. */
  public List<String> destinationsReady(Instant now) throws IOException {
    return database.read(
        () -> {
          List<String> keys = new ArrayList<>();
          long last = 0;
          while (true) {
            // One step of the index per destination: DISTINCT would walk every waiting entry.
            last =
                database.number(
                    "SELECT min(destination) FROM entries WHERE state = 0 AND destination > ?",
                    last);
            if (last == 0) {
              return keys;
            }
            long due =
                database.number(
                    "SELECT EXISTS(SELECT 1 FROM entries WHERE state = 0 AND destination = ?"
                        + " AND (not_before IS NULL OR not_before <= ?))",
                    last,
                    now);
            Destinations.Address address = destinations.addressIfThere(last);
            if (due != 0 && address != null && address.dsn() != null) {
              keys.add(address.key());
            }
          }
        });
  }

  /**
   * The earliest time that an entry to be sent again waits for, if one waits for a time. It may be
   * in the past.
   */
  public Optional<Instant> nextReady() throws IOException {
    return database.read(
        () ->
            Optional.ofNullable(
                database.first(
                    "SELECT min(not_before) FROM entries"
                        + " WHERE state = 0 AND not_before IS NOT NULL",
                    row -> SqlValues.millis(row, 1))));
  }

  /**
   * The oldest entries that can be sent there now, rate limits aside, without those whose ids are
   * in {@code exclude}.
   *
   * @param bytes of payload, together: the one that reaches it is the last
   */
  public List<Entry> ready(
      String destinationKey, Instant now, int limit, long bytes, Set<String> exclude)
      throws IOException {
    return database.read(
        () -> {
          List<Entry> entries = new ArrayList<>();
          long[] left = {bytes};
          if (limit <= 0 || bytes <= 0) {
            return entries;
          }
          database.each(
              EntryRows.WITH_PAYLOAD
                  + "WHERE e.state = 0"
                  + " AND e.destination = (SELECT id FROM destinations WHERE key = ?)"
                  + " AND (e.not_before IS NULL OR e.not_before <= ?)"
                  + " ORDER BY e.seq LIMIT ?",
              row -> {
                if (!exclude.contains(SqlValues.id(row.getBytes(1)))) {
                  Entry entry = rows.entry(row);
                  entries.add(entry);
                  left[0] -= entry.payload().length;
                }
                return entries.size() < limit && left[0] > 0;
              },
              destinationKey,
              now,
              limit + exclude.size());
          return entries;
        });
  }

  /**
   * One entry that can be sent there now, rate limits aside, without those whose ids are in {@code
   * exclude}: one that has not been put off, next to that place in the queue; if there is none, the
   * one that has been due longest.
   *
   * @param where from 0, the oldest, to 1, the newest
   * @return one or none
   */
  public List<Entry> probe(String destinationKey, Instant now, double where, Set<String> exclude)
      throws IOException {
    return database.read(
        () -> {
          long from = place(destinationKey, where);
          Entry entry =
              first(destinationKey, "not_before IS NULL AND seq >= ?", "seq", from, exclude);
          if (entry == null) {
            entry =
                first(destinationKey, "not_before IS NULL AND seq < ?", "seq DESC", from, exclude);
          }
          if (entry == null) {
            long millis = now.toEpochMilli();
            entry = first(destinationKey, "not_before <= ?", "not_before, seq", millis, exclude);
          }
          return entry == null ? List.of() : List.of(entry);
        });
  }

  private long place(String destinationKey, double where) throws SQLException, IOException {
    Long place =
        database.first(
            "SELECT (SELECT min(seq) FROM entries WHERE state = 0 AND destination = d.id),"
                + " (SELECT max(seq) FROM entries WHERE state = 0 AND destination = d.id)"
                + " FROM destinations d WHERE d.key = ?",
            row -> row.getLong(1) + (long) ((row.getLong(2) - row.getLong(1)) * where),
            destinationKey);
    return place == null ? 0 : place;
  }

  private @Nullable Entry first(
      String destinationKey, String which, String order, long value, Set<String> exclude)
      throws SQLException, IOException {
    List<byte[]> ids =
        database.query(
            "SELECT id FROM entries WHERE state = 0"
                + " AND destination = (SELECT id FROM destinations WHERE key = ?) AND "
                + which
                + " ORDER BY "
                + order
                + " LIMIT ?",
            row -> row.getBytes(1),
            destinationKey,
            value,
            1 + exclude.size());
    for (byte[] id : ids) {
      if (!exclude.contains(SqlValues.id(id))) {
        return database.first(EntryRows.WITH_PAYLOAD + "WHERE e.id = ?", rows::entry, id);
      }
    }
    return null;
  }

  /**
   * Ids of entries that may be on their way to a server: neither time nor lack of room takes them.
   * What {@link #toSend} gives is among them from that moment on; the sender takes them out. May be
   * used from any thread.
   */
  public Set<String> inFlight() {
    return inFlight;
  }

  /**
   * Runs the search and marks its result as {@link #inFlight} in one step, so that eviction and
   * expiry skip it.
   */
  public List<Entry> toSend(Search search) throws IOException {
    return database.read(
        () -> {
          List<Entry> found = search.find();
          found.forEach(entry -> inFlight.add(entry.id()));
          return found;
        });
  }

  /**
   * Stores what came of sending, in one transaction. An entry that is not ready any more is left as
   * it is.
   */
  public void settle(List<Settlement> settlements) throws IOException {
    database.write(
        tx -> {
          for (Settlement settlement : settlements) {
            settle(tx, settlement);
          }
          return settlements.size();
        });
  }

  private void settle(Tx tx, Settlement settlement) throws SQLException, IOException {
    if (settlement instanceof Settlement.Delivered delivered) {
      deliver(tx, delivered);
    } else if (settlement instanceof Settlement.Retry retry) {
      tx.update(
          "UPDATE entries SET attempts = attempts + 1, not_before = ?, last_error = ?"
              + " WHERE id = ? AND state = 0",
          retry.notBefore(),
          retry.error(),
          SqlValues.id(retry.id()));
    } else if (settlement instanceof Settlement.Denied denied) {
      tx.update(
          "UPDATE entries SET denials = denials + 1 WHERE id = ? AND state = 0",
          SqlValues.id(denied.id()));
    } else if (settlement instanceof Settlement.Smaller smaller) {
      replace(tx, smaller);
    } else if (settlement instanceof Settlement.Dead dead) {
      markDead(tx, dead);
    } else {
      // A switch over sealed types would not compile; Java 17 has none.
      throw new AssertionError(settlement);
    }
  }

  private static void deliver(Tx tx, Settlement.Delivered delivered) throws SQLException {
    tx.update(
        "UPDATE entries SET "
            + Transition.DELIVERED.set()
            + ", attempts = attempts + 1, status = ?, settled = ?,"
            + " not_before = NULL, last_error = NULL WHERE id = ? AND "
            + Transition.DELIVERED.where(),
        delivered.status(),
        delivered.when(),
        SqlValues.id(delivered.id()));
  }

  private static void replace(Tx tx, Settlement.Smaller smaller) throws SQLException {
    int replaced =
        tx.update(
            "UPDATE entries SET attempts = attempts + 1, not_before = NULL, last_error = ?,"
                + " size = ? WHERE id = ? AND state = 0",
            smaller.error(),
            smaller.payload().length,
            SqlValues.id(smaller.id()));
    if (replaced > 0) {
      tx.update(
          "UPDATE payloads SET payload = ? WHERE seq = (SELECT seq FROM entries WHERE id = ?)",
          smaller.payload(),
          SqlValues.id(smaller.id()));
    }
  }

  private record Lost(String category, long occurrences, long destination) {}

  private void markDead(Tx tx, Settlement.Dead dead) throws SQLException, IOException {
    Lost lost =
        tx.first(
            "UPDATE entries SET "
                + Transition.REFUSED.set()
                + ", attempts = attempts + 1, not_before = NULL,"
                + " last_error = ?, settled = ?, reason = ? WHERE id = ? AND "
                + Transition.REFUSED.where()
                + " RETURNING category, occurrences, destination",
            row -> new Lost(row.getString(1), row.getLong(2), row.getLong(3)),
            dead.answer(),
            dead.when(),
            dead.reason().label(),
            SqlValues.id(dead.id()));
    if (lost != null) {
      discards.add(
          tx,
          lost.destination(),
          dead.reason(),
          lost.category(),
          lost.occurrences(),
          dead.when().toEpochMilli());
    }
  }

  /**
   * Notes that a server wants nothing of a category for a while; kept over restarts. An earlier,
   * longer hold stays.
   *
   * @param category as in rate limits; empty: all
   */
  public void hold(String destinationKey, String category, Instant until) throws IOException {
    state.hold(destinationKey, category, until);
  }

  /** The destination's holds by category; some may be over. */
  public Map<String, Instant> holds(String destinationKey) throws IOException {
    return state.holds(destinationKey);
  }

  /** What is known of a destination whose circuit is open; empty for all others. */
  public Optional<OpenCircuit> circuit(String destinationKey) throws IOException {
    return state.circuit(destinationKey);
  }

  /** Notes that a destination's circuit is open; kept over restarts. */
  public void openCircuit(String destinationKey, OpenCircuit circuit) throws IOException {
    state.openCircuit(destinationKey, circuit);
  }

  /** Notes that a destination accepts events again: all that waits for it may go at once. */
  public void closeCircuit(String destinationKey) throws IOException {
    state.closeCircuit(destinationKey);
  }

  /** The destination with that key, with the usual timeout. */
  public Destination.To destination(String key) throws IOException {
    return database.read(() -> destinations.find(key));
  }

  /** Keys of the destinations that a report of discarded events is due for. */
  public List<String> reportsDue() throws IOException {
    return discards.destinations();
  }

  /** What that destination has had no report of yet. */
  public List<Discarded> unreported(String destinationKey, int limit) throws IOException {
    return discards.unreported(destinationKey, limit);
  }

  /** Notes that the destination took a report of these. */
  public void reported(String destinationKey, List<Discarded> reported) throws IOException {
    discards.reported(destinationKey, reported);
  }
}

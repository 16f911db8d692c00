package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.storm.Storm;
import io.uwsgisentry.storm.StormWindow;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The outbox as intake sees it: positions in journal files, batches, storms, handlers. Any thread
 * may call any method.
 */
public final class IntakeStore {
  /**
   * Where reading a journal file starts.
   *
   * @param position bytes from the file's start
   * @param attempts how often reading started there, this time included: above 1, something ended
   *     the agent there
   */
  public record Reading(long position, int attempts) {}

  /**
   * What {@link #store} did.
   *
   * @param entries new entries
   * @param ready how many of them can be sent
   * @param duplicates events left out because their id was known
   */
  public record Stored(int entries, int ready, int duplicates) {}

  private final Database database;
  private final Destinations destinations;
  private final Discards discards;
  private final StormStore storms;
  private final Handlers handlers;
  private final Rerouting rerouting;
  private final Eviction eviction;
  private final Pages pages;
  private final RecentIds ids;
  private final EntryRows rows;
  private final int bytesAtOnce;
  private final Clock clock;
  // What the handlers table holds, as far as this agent has written it: nearly every record brings
  // what is known.
  private final Map<Long, Handler> written = new HashMap<>();

  IntakeStore(
      Database database,
      Destinations destinations,
      Discards discards,
      StormStore storms,
      Handlers handlers,
      Rerouting rerouting,
      Eviction eviction,
      Pages pages,
      RecentIds ids,
      int bytesAtOnce,
      Clock clock) {
    this.database = database;
    this.destinations = destinations;
    this.discards = discards;
    this.storms = storms;
    this.handlers = handlers;
    this.rerouting = rerouting;
    this.eviction = eviction;
    this.pages = pages;
    this.ids = ids;
    this.rows = new EntryRows(destinations);
    this.bytesAtOnce = bytesAtOnce;
    this.clock = clock;
    database.onRollback(written::clear);
  }

  /** Notes that reading of that journal file begins, and says where. */
  public Reading begin(String file) throws IOException {
    return database.write(
        tx ->
            Objects.requireNonNull(
                tx.first(
                    "INSERT INTO files(name, position, attempts) VALUES (?, 0, 1)"
                        + " ON CONFLICT(name) DO UPDATE SET attempts = attempts + 1"
                        + " RETURNING position, attempts",
                    row -> new Reading(row.getLong(1), row.getInt(2)),
                    file)));
  }

  /** Takes back {@link #begin}: the reading failed for a reason that is not in the file. */
  public void undoBegin(String file) throws IOException {
    database.write(
        tx -> tx.update("UPDATE files SET attempts = max(attempts - 1, 0) WHERE name = ?", file));
  }

  /** Where reading of that journal file goes on, in the process that began it. */
  public Reading resume(String file) throws IOException {
    return database.read(
        () -> new Reading(database.number("SELECT position FROM files WHERE name = ?", file), 1));
  }

  /** How many bytes of events one batch should bring, at most. */
  public int bytesAtOnce() {
    return bytesAtOnce;
  }

  /** Which of these record ids were taken before. */
  public Set<String> known(Collection<String> ids) throws IOException {
    return database.read(
        () -> {
          Set<String> known = new HashSet<>();
          for (String id : ids) {
            if (database.number(
                    "SELECT EXISTS(SELECT 1 FROM entries WHERE id = ?1) OR " + RecentIds.known(),
                    SqlValues.id(id))
                != 0) {
              known.add(id);
            }
          }
          return known;
        });
  }

  /**
   * Stores a batch in one transaction. An event whose id is known is left out. Where more would
   * wait than the bounds allow, the least valuable goes in the same transaction, and is counted.
   */
  public Stored store(Batch batch) throws IOException {
    return database.write(
        tx -> {
          long now = clock.millis();
          pages.require(
              tx,
              batch.arrivals().size() + 4L * batch.windows().size(),
              batch.bytes(),
              batch.file().isEmpty(),
              clock.instant());
          advance(tx, batch);
          for (Handler handler : batch.handlers()) {
            write(tx, handler, now);
          }
          int entries = 0;
          int ready = 0;
          int duplicates = 0;
          long bytes = 0;
          for (Batch.Arrival arrival : batch.arrivals()) {
            State state = arrival.raw() ? State.DEAD : State.of(arrival.destination());
            if (!admitted(tx, arrival)) {
              discard(tx, arrival, now);
            } else if (insert(tx, arrival, state, now)) {
              entries++;
              ready += state == State.READY ? 1 : 0;
              bytes += state == State.READY ? arrival.event().payload().length : 0;
            } else {
              duplicates++;
            }
          }
          ids.add(tx, batch.consumed());
          for (Storm.Key key : batch.closed()) {
            storms.delete(tx, key);
          }
          for (Storm storm : batch.windows()) {
            storms.put(tx, storm);
          }
          for (Map.Entry<Batch.Count, Long> count : batch.counts().entrySet()) {
            Batch.Count of = count.getKey();
            Counters.add(tx, of.name(), of.reason(), of.subject(), count.getValue(), now);
          }
          for (Map.Entry<Batch.Given, Long> given : batch.discards().entrySet()) {
            discard(tx, given.getKey(), given.getValue(), now);
          }
          for (Map.Entry<Batch.Given, Long> loss : batch.losses().entrySet()) {
            lose(tx, loss.getKey(), loss.getValue());
          }
          eviction.taken(tx, ready, bytes, now);
          return new Stored(entries, ready, duplicates);
        });
  }

  /**
   * Notes that nothing of these journal files is wanted any more. When it returns, this and all
   * that was stored before has reached the disk: now the files may be unlinked.
   */
  public void finish(Collection<String> files) throws IOException {
    database.writeSynced(
        tx -> {
          for (String file : files) {
            tx.update("UPDATE files SET finished = ? WHERE name = ?", clock.millis(), file);
          }
          return files.size();
        });
  }

  /** The open window of that fault, empty if there is none. */
  public Optional<StormWindow> window(Storm.Key key) throws IOException {
    return storms.window(key);
  }

  /** The same with what its summary is to be made of. */
  public Optional<Storm> storm(Storm.Key key) throws IOException {
    return storms.find(key);
  }

  /**
   * Windows that are over by the clock.
   *
   * @param clock a time up to which all records are stored
   * @param bytes of events to go by, together: the one that reaches it is the last
   */
  public List<Storm> stormsOver(Instant clock, int limit, long bytes) throws IOException {
    return storms.over(clock, limit, bytes);
  }

  /**
   * Windows that have something to report, over or not.
   *
   * @param bytes of events to go by, together: the one that reaches it is the last
   */
  public List<Storm> stormsCounted(int limit, long bytes) throws IOException {
    return storms.counted(limit, bytes);
  }

  /**
   * The last event of that fold key, if one is still there. Only of that destination, and without
   * one of that handler: two servers with the same fault may have two owners.
   */
  public Optional<Entry> lastOfStorm(
      long foldKey, @Nullable String destinationKey, long handlerHash) throws IOException {
    return database.read(
        () ->
            Optional.ofNullable(
                database.first(
                    EntryRows.WITH_PAYLOAD
                        + "WHERE e.fold = ? AND e.raw = 0 AND "
                        + (destinationKey == null
                            ? "e.destination IS NULL AND e.handler = ?"
                            : "e.destination = (SELECT id FROM destinations WHERE key = ?)")
                        + " ORDER BY e.seq DESC LIMIT 1",
                    rows::entry,
                    foldKey,
                    destinationKey == null ? (Object) handlerHash : destinationKey)));
  }

  /** The handler with that hash, if a record named it. */
  public Optional<Handler> handler(long hash) throws IOException {
    return database.read(() -> Optional.ofNullable(handlers.find(hash)));
  }

  /**
   * Asks again where the undeliverable and local entries go, and those behind an open circuit; such
   * servers are to be tried again at once.
   *
   * @return how many became ready
   */
  public int resolve(Resolver resolver) throws IOException {
    return rerouting.resolve(resolver);
  }

  private static Destination.@Nullable To usable(Destination destination) {
    return destination instanceof Destination.To to ? to : null;
  }

  /** Whether the user's limit for the minute in which it happened leaves room for it. */
  private boolean admitted(Tx tx, Batch.Arrival arrival) throws SQLException, IOException {
    Long destination = destinations.idOrNull(tx, usable(arrival.destination()));
    return arrival.mostPerMinute() <= 0
        || destination == null
        || tx.first(
                "INSERT INTO minutes(destination, minute, events) VALUES (?, ?, 1)"
                    + " ON CONFLICT DO UPDATE SET events = events + 1 WHERE events < ?"
                    + " RETURNING events",
                row -> row.getLong(1),
                destination,
                Math.floorDiv(arrival.event().time().getEpochSecond(), 60L),
                arrival.mostPerMinute())
            != null;
  }

  private void discard(Tx tx, Batch.Arrival arrival, long now) throws SQLException, IOException {
    ids.add(tx, List.of(arrival.event().id()));
    Destination.To to = usable(arrival.destination());
    discards.add(
        tx,
        to == null ? 0 : destinations.idOf(tx, to),
        DiscardReason.RATELIMIT_BACKOFF,
        arrival.event().category(),
        arrival.occurrences(),
        now);
  }

  private static void advance(Tx tx, Batch batch) throws SQLException {
    if (!batch.file().isEmpty()) {
      tx.update(
          "INSERT INTO files(name, position, attempts) VALUES (?, ?, 1)"
              + " ON CONFLICT(name) DO UPDATE SET position = excluded.position, attempts = 1",
          batch.file(),
          batch.position());
    }
  }

  private void write(Tx tx, Handler handler, long now) throws SQLException {
    if (handler.equals(written.get(handler.hash()))) {
      return;
    }
    tx.update(
        "INSERT INTO handlers(hash, instance, handler, options, defaults, seen)"
            + " VALUES (?, ?, ?, ?, ?, ?)"
            + " ON CONFLICT(hash) DO UPDATE SET options = excluded.options,"
            + " defaults = excluded.defaults, seen = excluded.seen",
        handler.hash(),
        handler.instance(),
        handler.handler(),
        handler.options(),
        SqlValues.pairs(handler.defaults()),
        now);
    written.put(handler.hash(), handler);
  }

  private boolean insert(Tx tx, Batch.Arrival arrival, State state, long now)
      throws SQLException, IOException {
    Destination.To to = usable(arrival.destination());
    String fault =
        arrival.destination() instanceof Destination.Malformed malformed
            ? malformed.fault()
            : arrival.raw() ? arrival.fault() : null;
    int inserted =
        tx.update(
            "INSERT OR IGNORE INTO entries(id, state, destination, timeout, debug, category, level,"
                + " title, handler, fold, occurrences, raw, time, stored, size, last_error, settled)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            SqlValues.id(arrival.event().id()),
            state.code(),
            destinations.idOrNull(tx, to),
            to == null ? 0 : to.timeout().toMillis(),
            to != null && to.debug(),
            arrival.event().category(),
            arrival.event().level(),
            arrival.event().title(),
            arrival.handlerHash(),
            arrival.foldKey(),
            arrival.occurrences(),
            arrival.raw(),
            SqlValues.micros(arrival.event().time()),
            now,
            arrival.event().payload().length,
            fault,
            state == State.DEAD ? (Long) now : null);
    if (inserted == 0) {
      return false;
    }
    tx.update(
        "INSERT INTO payloads(seq, payload) VALUES (last_insert_rowid(), ?)",
        (Object) arrival.event().payload());
    return true;
  }

  private void discard(Tx tx, Batch.Given given, long quantity, long now)
      throws SQLException, IOException {
    Destination.To to = given.to();
    discards.add(
        tx,
        to == null ? 0 : destinations.idOf(tx, to),
        given.reason(),
        given.category(),
        quantity,
        now);
  }

  private void lose(Tx tx, Batch.Given loss, long quantity) throws SQLException, IOException {
    Destination.To to = loss.to();
    if (to != null) {
      discards.report(tx, destinations.idOf(tx, to), loss.reason(), loss.category(), quantity);
    }
  }
}

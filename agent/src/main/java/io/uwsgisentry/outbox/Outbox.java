package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.storm.Storm;
import io.uwsgisentry.storm.StormWindow;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What must still be sent, what was sent lately, and what was counted: one SQLite file ({@code
 * <dir>/outbox.db}).
 *
 * <p>One agent writes it (whoever holds {@code agent.lock}); the command line reads it at the same
 * time, and writes only for {@link #retry}. What a journal file came to is stored together with the
 * position reached in it, so that whatever dies, each record is taken once. Any thread may call any
 * method: one lock orders them, and no call waits on more than the disk.
 *
 * <p>Every method throws {@link OutboxException} where SQLite fails (disk full, damaged file);
 * nothing of that call has then happened.
 */
public final class Outbox implements AutoCloseable {

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

  /** A question to this outbox. */
  public interface Search {
    List<Entry> find() throws IOException;
  }

  private final Set<String> underWay = ConcurrentHashMap.newKeySet();
  private final Database database;
  private final Clock clock;
  private final Footprint footprint;
  private final IntakeStore intake;
  private final StormStore storms;
  private final Entries entries;
  private final Handlers handlers;
  private final Settling settling;
  private final Tallies tallies;
  private final Maintenance tidying;
  private final Discards discards;
  private final OpenCircuits openCircuits;
  private final Destinations destinations;

  Outbox(Database database, Clock clock, Footprint footprint) {
    Bounds bounds = footprint.bounds();
    this.database = database;
    this.clock = clock;
    this.footprint = footprint;
    this.destinations = new Destinations(database);
    this.openCircuits = new OpenCircuits(database);
    this.discards = new Discards(database, destinations);
    this.storms = new StormStore(database, destinations);
    RecentIds ids = new RecentIds(database, bounds.rememberedBytes(), footprint.database());
    Removal removal = new Removal(database, ids);
    Eviction room = new Eviction(database, discards, removal, bounds, underWay);
    this.tidying = new Maintenance(database, discards, removal, ids, room, bounds, underWay);
    this.intake =
        new IntakeStore(
            database, destinations, discards, storms, room, tidying.pages(), ids, clock);
    this.entries = new Entries(database, destinations);
    this.handlers = new Handlers(database);
    this.settling = new Settling(database, destinations, handlers, discards, openCircuits, clock);
    this.tallies = new Tallies(database, destinations, settling, openCircuits);
  }

  /**
   * Opens the database for writing; makes it if it is missing.
   *
   * @throws NewerOutboxException if a newer version of this program has written it
   */
  public static Outbox open(Path db) throws IOException {
    return open(db, Clock.systemUTC());
  }

  /** As {@link #open(Path)}, with the clock that says when things were stored and finished. */
  public static Outbox open(Path db, Clock clock) throws IOException {
    return open(db, clock, Bounds.DEFAULT);
  }

  /** As {@link #open(Path)}, with the bounds of what it keeps. */
  public static Outbox open(Path db, Clock clock, Bounds bounds) throws IOException {
    return open(db, clock, Footprint.asAsked(bounds));
  }

  /** As {@link #open(Path)}, with what it may take of its volume. */
  public static Outbox open(Path db, Clock clock, Footprint footprint) throws IOException {
    return new Outbox(Opening.forWriting(db, footprint), clock, footprint);
  }

  /**
   * Opens the database for reading, also one of an older version. It makes no file, neither the
   * database nor SQLite's companions of it.
   *
   * @throws java.nio.file.NoSuchFileException if there is none yet
   * @throws NewerOutboxException if a newer version of this program has written it
   */
  public static Outbox openReadOnly(Path db) throws IOException {
    return new Outbox(Opening.forReading(db), Clock.systemUTC(), Footprint.asAsked(Bounds.DEFAULT));
  }

  /**
   * Sees to what waits for destinations whose stored DSN this version cannot use: it is
   * undeliverable until its handler has another. To be called once, before anything is sent.
   *
   * @return what is wrong with these DSNs, without secrets
   */
  public List<String> withdrawUnusable() throws IOException {
    return settling.withdrawUnusable();
  }

  /** Notes that reading of that journal file begins, and says where. */
  public Reading begin(String file) throws IOException {
    return intake.begin(file);
  }

  /** Takes back {@link #begin}: the reading failed for a reason that is not in the file. */
  public void undoBegin(String file) throws IOException {
    intake.undoBegin(file);
  }

  /** Where reading of that journal file goes on, in the process that began it. */
  public Reading resume(String file) throws IOException {
    return intake.resume(file);
  }

  /** How many bytes of events one batch should bring, at most. */
  public int bytesAtOnce() {
    return footprint.bytesAtOnce();
  }

  /** Which of these record ids were taken before. */
  public Set<String> known(Collection<String> ids) throws IOException {
    return intake.known(ids);
  }

  /**
   * Stores a batch in one transaction. An event whose id is known is left out. Where more would
   * wait than the bounds allow, the least valuable goes in the same transaction, and is counted.
   */
  public Stored store(Batch batch) throws IOException {
    return intake.store(batch);
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
   * Windows that have something to tell, over or not.
   *
   * @param bytes of events to go by, together: the one that reaches it is the last
   */
  public List<Storm> stormsCounted(int limit, long bytes) throws IOException {
    return storms.counted(limit, bytes);
  }

  /** How much folding goes on. */
  public StormTally storms() throws IOException {
    return storms.tally();
  }

  /**
   * Notes that nothing of these journal files is wanted any more. When it returns, this and all
   * that was stored before has reached the disk: now the files may be unlinked.
   */
  public void finish(Collection<String> files) throws IOException {
    intake.finish(files);
  }

  /** The destinations that something can be sent to now, rate limits aside. */
  public List<String> destinationsReady(Instant now) throws IOException {
    return entries.destinationsReady(now);
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
    return entries.ready(destinationKey, now, limit, bytes, exclude);
  }

  /**
   * Ids of entries that may be on their way to a server: neither time nor want of room takes them.
   * What {@link #toSend} gives is among them from that moment on; who sends takes them out. May be
   * used from any thread.
   */
  public Set<String> underWay() {
    return underWay;
  }

  /** What that finds, by {@link #ready} or {@link #probe}; it is {@link #underWay} at once. */
  public List<Entry> toSend(Search search) throws IOException {
    return database.read(
        () -> {
          List<Entry> found = search.find();
          found.forEach(entry -> underWay.add(entry.id()));
          return found;
        });
  }

  /**
   * One entry that can be sent there now, rate limits aside, without those whose ids are in {@code
   * exclude}: one that has not been put off, next to that place in the queue; if there is none, who
   * has been due longest.
   *
   * @param where from 0, the oldest, to 1, the newest
   * @return one or none
   */
  public List<Entry> probe(String destinationKey, Instant now, double where, Set<String> exclude)
      throws IOException {
    return entries.probe(destinationKey, now, where, exclude);
  }

  /**
   * The earliest time that an entry to be sent again waits for, if one waits for a time. It may be
   * in the past.
   */
  public Optional<Instant> nextReady() throws IOException {
    return entries.nextReady();
  }

  /**
   * Stores what came of sending, in one transaction. An entry that is not ready any more is left as
   * it is.
   */
  public void settle(List<Settlement> settlements) throws IOException {
    settling.settle(settlements);
  }

  /**
   * Notes that a server wants nothing of a category for a while; kept over restarts. An earlier,
   * longer hold stays.
   *
   * @param category as in rate limits; empty: all
   */
  public void hold(String destinationKey, String category, Instant until) throws IOException {
    settling.hold(destinationKey, category, until);
  }

  /** The destination's holds by category; some may be over. */
  public Map<String, Instant> holds(String destinationKey) throws IOException {
    return settling.holds(destinationKey);
  }

  /** What is known of a destination whose circuit is open; empty for all others. */
  public Optional<OpenCircuit> circuit(String destinationKey) throws IOException {
    return openCircuits.find(destinationKey);
  }

  /** Notes that a destination's circuit is open; kept over restarts. */
  public void openCircuit(String destinationKey, OpenCircuit openCircuit) throws IOException {
    openCircuits.open(destinationKey, openCircuit);
  }

  /** Notes that a destination takes events again: all that waits for it may go at once. */
  public void closeCircuit(String destinationKey) throws IOException {
    openCircuits.close(destinationKey);
  }

  /** The handler with that hash, if a record told of it. */
  public Optional<Handler> handler(long hash) throws IOException {
    return database.read(() -> Optional.ofNullable(handlers.find(hash)));
  }

  /** Every handler that a record told of, by instance. */
  public List<Handler> handlers() throws IOException {
    return handlers.all();
  }

  /**
   * Asks anew where the undeliverable and local entries go, and those behind an open circuit; such
   * servers are to be tried again at once.
   *
   * @return how many became ready
   */
  public int resolve(Resolver resolver) throws IOException {
    return settling.resolve(resolver);
  }

  /**
   * Makes these entries ready at once: dead ones, those that wait for a later time, and those
   * without a destination whose handler has one now. Entries that are delivered, or of which no
   * event could be made, stay as they are.
   *
   * @return how many are ready now
   */
  public int retry(Collection<String> ids, Resolver resolver) throws IOException {
    return settling.retry(ids, resolver);
  }

  /**
   * The last event of that fold key, if one is still there. Only of that destination, and without
   * one of that handler: two servers with the same fault may have two owners.
   */
  public Optional<Entry> lastOfStorm(
      long foldKey, @Nullable String destinationKey, long handlerHash) throws IOException {
    return entries.lastOfStorm(foldKey, destinationKey, handlerHash);
  }

  /** Entries whose id starts with these hex digits (dashes are ignored), at most {@code limit}. */
  public List<Entry> find(String idPrefix, int limit) throws IOException {
    return entries.find(idPrefix, limit);
  }

  /** The newest entries that pass the filter, without payload. */
  public List<Entry> list(Filter filter, int limit) throws IOException {
    return entries.list(filter, limit);
  }

  /** How much there is in each state; states without entries are left out. */
  public Map<State, Tally> states() throws IOException {
    return tallies.states();
  }

  /** How things stand for each destination. */
  public List<DestinationTally> destinations() throws IOException {
    return tallies.byDestination();
  }

  /** All that was counted. */
  public List<Counter> counters() throws IOException {
    return Counters.all(database);
  }

  /** The destination with that key, with the usual timeout. */
  public Destination.To destination(String key) throws IOException {
    return database.read(() -> destinations.find(key));
  }

  /** Keys of the destinations that are still to be told of something discarded. */
  public List<String> destinationsToTell() throws IOException {
    return discards.destinations();
  }

  /** What that destination has not been told of as discarded yet. */
  public List<Discarded> unreported(String destinationKey, int limit) throws IOException {
    return discards.unreported(destinationKey, limit);
  }

  /** Notes that the destination took a report of these. */
  public void reported(String destinationKey, List<Discarded> told) throws IOException {
    discards.reported(destinationKey, told);
  }

  /**
   * The clock was set: what waits for a time waits as long as before, and nothing becomes older or
   * younger by it. All that is stored was stored by the clock as it was before.
   *
   * @param by negative: back
   */
  public void clockJumped(Duration by) throws IOException {
    ClockShift.shift(database, by);
  }

  /**
   * How far the clock was set back, at least, since something was stored last: zero where what is
   * stored lies in the past.
   */
  public Duration behind() throws IOException {
    return ClockShift.ahead(database, clock.instant());
  }

  /**
   * Throws once SQLite has found the database damaged, in whatever call and thread that was.
   *
   * @throws OutboxException what was said then
   */
  public void requireSound() throws OutboxException {
    database.requireSound();
  }

  /** Whether another process has written since the last call; false at the first. */
  public boolean changedElsewhere() throws IOException {
    return database.changedElsewhere();
  }

  /**
   * Gives up what has waited too long, compresses history, forgets what is beyond the bounds, ids
   * from more than an hour ago and the files that were finished, and gives space back; a bounded
   * amount of work.
   *
   * @param filesPresent names of the journal files that are still there: their positions and ids
   *     stay
   * @return whether to call again at once
   */
  public boolean tidy(Instant now, Set<String> filesPresent) throws IOException {
    return tidying.tidy(now, filesPresent);
  }

  /** Brings all that is in the write-ahead log into the database itself. */
  public void checkpoint() throws IOException {
    database.read(() -> database.number("PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  /** Closes the database; what was stored stays stored. */
  @Override
  public void close() throws IOException {
    database.close();
  }
}

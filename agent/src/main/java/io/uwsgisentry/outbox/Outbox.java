package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * What must still be sent, what was sent lately, and what was counted: one SQLite file ({@code
 * <dir>/outbox.db}).
 *
 * <p>It has three doors: {@link #intake} for what brings events, {@link #queue} for what sends
 * them, {@link #reader} for what looks at them. What concerns the file as a whole is here.
 *
 * <p>One agent writes it (whichever holds {@code agent.lock}); the command line reads it at the
 * same time, and writes only for {@link #retry}. What a journal file came to is stored together
 * with the position reached in it, so that whatever dies, each record is taken once. Any thread may
 * call any method: one lock orders them, and no call waits on more than the disk.
 *
 * <p>Every method, of the doors too, throws {@link OutboxException} where SQLite fails (disk full,
 * damaged file); nothing of that call has then happened.
 */
public final class Outbox implements AutoCloseable {
  private final Database database;
  private final Clock clock;
  private final Rerouting rerouting;
  private final Maintenance maintenance;
  private final IntakeStore intake;
  private final SendQueue queue;
  private final OutboxReader reader;
  private long seenVersion;

  Outbox(Database database, Clock clock, Footprint footprint) {
    Bounds bounds = footprint.bounds();
    this.database = database;
    this.clock = clock;
    Destinations destinations = new Destinations(database);
    DestinationState state = new DestinationState(database);
    Discards discards = new Discards(database, destinations);
    StormStore storms = new StormStore(database, destinations);
    Handlers handlers = new Handlers(database);
    this.queue = new SendQueue(database, destinations, state, discards);
    this.reader = new OutboxReader(database, destinations, handlers, state, storms);
    this.rerouting = new Rerouting(database, destinations, handlers, discards, state, clock);
    RecentIds ids = new RecentIds(database, bounds.rememberedBytes(), footprint.database());
    Removal removal = new Removal(ids);
    Eviction eviction = new Eviction(database, discards, removal, bounds, queue.inFlight());
    this.maintenance =
        new Maintenance(database, discards, removal, ids, eviction, bounds, queue.inFlight());
    this.intake =
        new IntakeStore(
            database,
            destinations,
            discards,
            storms,
            handlers,
            rerouting,
            eviction,
            maintenance.pages(),
            ids,
            footprint.bytesAtOnce(),
            clock);
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

  /** The door of what brings events. */
  public IntakeStore intake() {
    return intake;
  }

  /** The door of what sends them. */
  public SendQueue queue() {
    return queue;
  }

  /** The door of what looks at them. */
  public OutboxReader reader() {
    return reader;
  }

  /**
   * Sees to what waits for destinations whose stored DSN this version cannot use: it is
   * undeliverable until its handler has another. To be called once, before anything is sent.
   *
   * @return what is wrong with these DSNs, without secrets
   */
  public List<String> withdrawUnusable() throws IOException {
    return rerouting.withdrawUnusable();
  }

  /**
   * Makes these entries ready at once: dead ones, those that wait for a later time, and those
   * without a destination whose handler has one now. Entries that are delivered, or of which no
   * event could be made, stay as they are.
   *
   * @return how many are ready now
   */
  public int retry(Collection<String> ids, Resolver resolver) throws IOException {
    return rerouting.retry(ids, resolver);
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
    return database.read(
        () -> {
          long version = database.number("PRAGMA data_version");
          boolean changed = seenVersion != 0 && version != seenVersion;
          seenVersion = version;
          return changed;
        });
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
    return maintenance.tidy(now, filesPresent);
  }

  /** Brings all that is in the write-ahead log into the database itself. */
  public void checkpoint() throws IOException {
    database.read(() -> database.pragma("PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  /** Closes the database; what was stored stays stored. */
  @Override
  public void close() throws IOException {
    database.close();
  }
}

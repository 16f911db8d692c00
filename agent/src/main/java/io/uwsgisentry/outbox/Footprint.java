package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;

/**
 * How much disk each part of the state directory may take, at most.
 *
 * <p>On a large volume that is what the options say. On a small one all parts together get a
 * quarter of what is free at the start, where what the parts hold already counts as free, so that a
 * restart changes nothing. (A database is not made smaller because others have filled the volume
 * meanwhile: that would discard what waits in it.) Each has its share of that quarter; what is left
 * of it is for {@code runtime/}.
 *
 * @param journal of the servers' records; they see to it themselves ({@code
 *     native/journal/volume.c})
 * @param database the file {@code outbox.db}
 * @param log SQLite's write-ahead log of it; a transaction may go beyond
 * @param reserve what is given up when the disk is full: as much as the log, when that is brought
 *     into the database, and {@link #spare} in both
 * @param agentLog {@code agent.log} and the one before
 * @param bounds of the events in the database
 * @param shrunk whether the volume allows less than the options
 */
public record Footprint(
    long journal,
    long database,
    long log,
    long reserve,
    long agentLog,
    Bounds bounds,
    boolean shrunk) {
  public static final long USUAL_JOURNAL = 64L << 20;
  public static final long USUAL_LOG = 16L << 20;
  public static final long USUAL_RESERVE = 16L << 20;
  public static final long USUAL_AGENT_LOG = 2L << 20;

  /** All of it, where the volume is large and the options are the usual ones. */
  public static final long USUAL_TOTAL =
      USUAL_JOURNAL + database(Bounds.DEFAULT) + USUAL_LOG + USUAL_RESERVE + USUAL_AGENT_LOG;

  private static final long USUAL_SPARE = 2L << 20;
  private static final long INDEXES = 16L << 20;
  // Of that quarter, in 24ths.
  private static final int PARTS = 24;
  private static final int JOURNAL = 4;
  private static final int DATABASE = 9;
  private static final int LOG = 3;
  private static final int RESERVE = 2;
  private static final int AGENT_LOG = 1;

  private static final long LEAST_JOURNAL = 64L << 10;
  private static final long LEAST_DATABASE = 512L << 10;
  private static final long LEAST = 128L << 10;

  /**
   * What that directory's volume allows now.
   *
   * @param state exists
   * @param journal the servers' {@code sentry-journal-max}
   */
  public static Footprint of(Path state, Bounds wanted, long journal) throws IOException {
    return of(Disk.of(state), state, wanted, journal);
  }

  /** As {@link #of(Path, Bounds, long)}, of a disk that was looked at before. */
  public static Footprint of(Disk disk, Path state, Bounds wanted, long journal) {
    return of(disk, state.resolve("outbox.db").toFile().length(), wanted, journal);
  }

  /**
   * @param present bytes of the database
   */
  static Footprint of(Disk disk, long present, Bounds wanted, long journal) {
    long quarter = disk.quarter();
    long database = database(wanted);
    long least = Math.min(database, Math.max(present, LEAST_DATABASE));
    long allowed = Math.max(share(quarter, DATABASE, database), least);
    // How small a full volume is does not show: what waits is not discarded for that.
    long waiting = disk.volume().isFull() ? present : 0;
    return new Footprint(
        Math.max(share(quarter, JOURNAL, journal), LEAST_JOURNAL),
        allowed,
        Math.max(share(quarter, LOG, USUAL_LOG), LEAST),
        Math.max(share(quarter, RESERVE, USUAL_RESERVE), LEAST),
        Math.max(share(quarter, AGENT_LOG, USUAL_AGENT_LOG), LEAST),
        allowed < database ? wanted.within(allowed, database, waiting) : wanted,
        allowed < database);
  }

  /** What the options say, however large the volume is; the database itself has no bound. */
  static Footprint asAsked(Bounds bounds) {
    return new Footprint(USUAL_JOURNAL, 1L << 40, USUAL_LOG, 0, USUAL_AGENT_LOG, bounds, false);
  }

  /** The file with all the events that the bounds allow, and the ids of those that are gone. */
  private static long database(Bounds bounds) {
    long bytes =
        bounds.waitingBytes()
            + bounds.keptBytes()
            + bounds.historyBytes()
            + bounds.rememberedBytes();
    // With what is told of each event, in tables and indexes.
    return bytes + Math.min(bytes / 2, INDEXES);
  }

  private static long share(long quarter, int parts, long wanted) {
    return Math.min(wanted, quarter / PARTS * parts);
  }

  /** How many bytes of events are stored in one transaction, about: there must be room for it. */
  int bytesAtOnce() {
    long most = Math.min(8 << 20, database / 4);
    return (int) (shrunk ? Math.min(most, log / 4) : most);
  }

  /**
   * How large the log is when it is brought into the database: what is written then comes on top.
   */
  long logBeforeCheckpoint() {
    return shrunk ? log / 2 : log - USUAL_SPARE;
  }

  /** What is to be free in the database when the disk is full, for all but new events. */
  long spare() {
    return Math.min(USUAL_SPARE, reserve / 4);
  }

  /** Whether so much more is free than at that other time that it is worth to begin anew. */
  public boolean isWorthMoreThan(Footprint other) {
    return other.shrunk && database >= other.database * 3 / 2;
  }

  /** All of it without {@code runtime/}. */
  public long total() {
    return journal + database + log + reserve + agentLog;
  }
}

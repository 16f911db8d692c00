package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;

/**
 * Keeps a way out of a full disk: what waits in the database can be sent, settled and deleted on a
 * volume without a free byte.
 *
 * <p><b>What a write needs.</b> In WAL mode a transaction first goes to the write-ahead log, and by
 * a checkpoint to the database. Both may have to grow. A log that nobody can bring into the
 * database, because that cannot grow, is the deadlock: no transaction finds room any more, neither
 * one that deletes.
 *
 * <p><b>What is done about it.</b> Before each write the volume is looked at. When less is free
 * than must stay so, the disk counts as full, while there still is some:
 *
 * <ul>
 *   <li>The log is brought into the database, and from then on early and often, so that it is
 *       always written in the blocks that it has.
 *   <li>So many bytes as everything but new events may need are written into the database and
 *       deleted again. Then the log has that many blocks, and the database that many free pages.
 *   <li>The database may not grow any more ({@code max_page_count}). Neither the log nor the
 *       database needs the file system now.
 *   <li>New events are stored in free pages as long as some are left over ({@link Pages}); else
 *       they stay in the journal, which is bounded, and whose drops are counted.
 * </ul>
 *
 * <p>If the disk is filled to the last byte at once, this fails, or a write does. Then the reserve
 * is given up, and its room is enough for the same steps ({@link Footprint}).
 *
 * <p>When there is room again, the reserve is taken back and the database may grow. SQLite removes
 * the log when it closes the database; on a full disk a reserve takes over its blocks, for the next
 * start. On a file system that writes each block to a new place (btrfs, ZFS) only the reserve
 * helps.
 *
 * <p>Under the database's lock.
 */
final class WayOut {
  // For the rows and indexes around the bytes that are written.
  private static final long LEAST_PAGES = 8;
  private static final long NANOS_BETWEEN_LOOKS = Duration.ofMillis(200).toNanos();
  // What a quota forbids is known only by trying it; and who removes the whole directory should not
  // find a new file in it.
  private static final long NANOS_BETWEEN_TRIES = Duration.ofSeconds(10).toNanos();

  private final Path state;
  private final Path log;
  private final Footprint footprint;
  private final Reserve reserve;
  private boolean begun;
  private boolean full;
  private boolean provided;
  private boolean logIsEmpty;
  private long nextLook;
  private long nextTry;

  WayOut(Path db, Footprint footprint) {
    this.state = db.toAbsolutePath().resolveSibling("");
    this.log = db.resolveSibling(db.getFileName() + "-wal");
    this.footprint = footprint;
    this.reserve = new Reserve(state, footprint.reserve());
  }

  Footprint footprint() {
    return footprint;
  }

  /** Whether the database may not grow. */
  boolean isFull() {
    return full;
  }

  /** The database is open, and its tables are there. */
  void begin(Database database) throws SQLException {
    begun = true;
    nextLook = System.nanoTime();
    nextTry = nextLook;
    before(database);
  }

  /** A write is about to begin. */
  void before(Database database) throws SQLException {
    long now = System.nanoTime();
    if (begun && now - nextLook >= 0) {
      nextLook = now + NANOS_BETWEEN_LOOKS;
      look(database, now);
    }
  }

  private void look(Database database, long now) throws SQLException {
    Volume volume = Volume.of(state);
    if (volume.isFull()) {
      if (!full || !provided || !logIsEmpty) {
        close(database);
      }
    } else if (now - nextTry >= 0) {
      nextTry = full ? now : now + NANOS_BETWEEN_TRIES;
      long needed = reserve.isWhole() ? reserve.bytes() / 2 : reserve.bytes() * 3 / 2;
      boolean wanted = full || !reserve.isWhole();
      if (wanted && (volume.whole() == 0 || volume.free() - volume.kept() >= needed)) {
        open(database, now);
      }
    }
    if (!full && log.toFile().length() > 2 * footprint.log()) {
      // A reader was in the way of each checkpoint.
      checkpoint(database, "TRUNCATE");
    }
  }

  /**
   * A write failed.
   *
   * @param noRoom so says SQLite; also where the database has the size that it may have
   */
  void failed(Database database, boolean noRoom) {
    Volume volume = Volume.of(state);
    if (!begun || (noRoom && volume.whole() > 0 && !volume.isFull())) {
      return;
    }
    provided &= !release();
    close(database);
  }

  private void close(Database database) {
    if (!full) {
      full = true;
      nextTry = System.nanoTime();
    }
    try {
      provide(database);
    } catch (SQLException e) {
      if (release()) {
        try {
          provide(database);
        } catch (SQLException again) {
          // The next look tries it again. What is written until then may still find room.
        }
      }
    }
  }

  private boolean release() {
    try {
      return reserve.release();
    } catch (IOException e) {
      return false;
    }
  }

  private void provide(Database database) throws SQLException {
    try {
      logIsEmpty = checkpoint(database, "PASSIVE");
      if (!provided) {
        letGrow(database);
        write(database, spare(database));
        provided = true;
        logIsEmpty = checkpoint(database, "PASSIVE");
      }
    } finally {
      limit(database, 0);
      checkpointAfter(database, footprint.spare() / 2);
    }
  }

  /** What is to be free, as far as the database may grow. */
  private long spare(Database database) throws SQLException {
    long room =
        database.pragma("PRAGMA max_page_count")
            - database.pragma("PRAGMA page_count")
            + database.pragma("PRAGMA freelist_count");
    return Math.min(footprint.spare(), (room - LEAST_PAGES) * database.pageSize());
  }

  /** Two transactions: pages that are freed in the one that takes them are never written. */
  private static void write(Database database, long bytes) throws SQLException {
    if (bytes > 0) {
      database.execute(
          "INSERT OR REPLACE INTO payloads(seq, payload) VALUES (-1, zeroblob(" + bytes + "))");
      database.execute("DELETE FROM payloads WHERE seq = -1");
    }
  }

  private void open(Database database, long now) throws SQLException {
    try {
      if (!reserve.isWhole()) {
        reserve.take();
      }
      full = false;
      provided = false;
      letGrow(database);
    } catch (IOException e) {
      // Somebody was quicker, or a quota forbids it.
      nextTry = now + NANOS_BETWEEN_TRIES;
    }
  }

  /** The database and its log may be as large as their bounds. */
  void letGrow(Database database) throws SQLException {
    limit(database, footprint.database());
    // A transaction of new events touches pages all over the indexes; with SQLite's own 1000 each
    // of them would be copied into the database, and synced, after nearly every one.
    checkpointAfter(database, footprint.logBeforeCheckpoint());
  }

  private static void checkpointAfter(Database database, long bytes) throws SQLException {
    database.execute("PRAGMA wal_autocheckpoint = " + Math.max(1, bytes / database.pageSize()));
  }

  /** Bounds the database's size; it is not made smaller by that. */
  private static void limit(Database database, long bytes) throws SQLException {
    database.pragma(
        "PRAGMA max_page_count = "
            + Math.max(bytes / database.pageSize(), database.pragma("PRAGMA page_count")));
  }

  /** Whether all of the log is in the database, so that it is written from its beginning. */
  private static boolean checkpoint(Database database, String mode) throws SQLException {
    long[] done = database.pragma("PRAGMA wal_checkpoint(" + mode + ")", 3);
    return done[0] == 0 && done[1] == done[2];
  }

  /** How much the log has, which is given back when the database closes. */
  long logged() {
    return log.toFile().length();
  }

  /**
   * The database is closed.
   *
   * @param bytes what {@link #logged} was before
   */
  void closed(long bytes) {
    if (full && !reserve.isWhole()) {
      try {
        reserve.take(bytes);
      } catch (IOException e) {
        // Somebody was quicker. The next agent starts when there is room.
      }
    }
  }
}

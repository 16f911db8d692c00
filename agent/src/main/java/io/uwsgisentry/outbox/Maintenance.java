package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Keeps the database small: forgets old history and old ids, gives pages back to the file system.
 * Each call does a bounded amount, so that delivery does not wait for it.
 */
final class Maintenance {
  // To find the files to be forgotten walks all of them.
  private static final Duration FORGET_EVERY = Duration.ofMinutes(10);
  // After a power cut one that was removed may be there again.
  private static final Duration FILES_KEPT = Duration.ofMinutes(10);
  private static final int FILES_AT_ONCE = 2_000;
  // As long as the journal may wait for an agent, in all likelihood.
  private static final Duration MINUTES_KEPT = Duration.ofDays(2);
  private static final int PAGES_AT_ONCE = 512;

  private static final String DELIVERED = "state = 1";
  private static final String NOT_TO_SEND = "state IN (2, 3, 4)";

  private final Database database;
  private final Bounds bounds;
  private final RecentIds ids;
  private final Expiry expiry;
  private final HistoryCompression compression;
  private final Retention history;
  private final Retention unsendable;
  private final Pages pages;
  private boolean running;
  private Instant forgotten = Instant.MIN;

  Maintenance(
      Database database,
      Discards discards,
      Removal removal,
      RecentIds ids,
      Eviction eviction,
      Bounds bounds,
      Set<String> inFlight) {
    this.database = database;
    this.bounds = bounds;
    this.ids = ids;
    this.expiry = new Expiry(database, discards, inFlight);
    this.compression = new HistoryCompression(database, bounds.historyBytes());
    this.history = new Retention(database, discards, removal, DELIVERED, bounds.historyBytes());
    // Entries that nobody will send would fill the disk of a server without a DSN.
    this.unsendable = new Retention(database, discards, removal, NOT_TO_SEND, bounds.keptBytes());
    this.pages = new Pages(database, history, unsendable, eviction);
  }

  /** What makes room for new events out of what this tidies up. */
  Pages pages() {
    return pages;
  }

  /**
   * One round of a run; a run ends with the round that has nothing more to do.
   *
   * @return whether there is more to do at once
   */
  boolean tidy(Instant now, Set<String> filesPresent) throws IOException {
    if (!running) {
      expiry.begin();
      compression.begin();
      history.begin();
      unsendable.begin();
      database.write(tx -> dropHolds(tx, now) + dropMinutes(tx, now));
    }
    boolean more = expiry.expire(now, bounds.waitingAge());
    more |= compression.pack() || history.trim(now.minus(bounds.historyAge()), now);
    more |= unsendable.trim(Instant.EPOCH, now);
    if (forgotten.isBefore(now.minus(FORGET_EVERY)) || now.isBefore(forgotten)) {
      boolean files = database.write(tx -> forget(tx, now, filesPresent));
      more |= files;
      forgotten = files ? forgotten : now;
    }
    boolean spare = giveBack();
    running = more || spare;
    return running;
  }

  private static int dropHolds(Tx tx, Instant now) throws SQLException {
    return tx.update("DELETE FROM holds WHERE until < ?", now);
  }

  private static int dropMinutes(Tx tx, Instant now) throws SQLException {
    return tx.update(
        "DELETE FROM minutes WHERE minute < ?", now.minus(MINUTES_KEPT).getEpochSecond() / 60);
  }

  private boolean forget(Tx tx, Instant now, Set<String> filesPresent)
      throws SQLException, IOException {
    List<String> gone = new ArrayList<>();
    database.each(
        "SELECT name FROM files WHERE finished < ?",
        row -> {
          if (!filesPresent.contains(row.getString(1))) {
            gone.add(row.getString(1));
          }
          return gone.size() < FILES_AT_ONCE;
        },
        now.minus(FILES_KEPT));
    for (String name : gone) {
      tx.update("DELETE FROM files WHERE name = ?", name);
    }
    ids.forget(tx, now.toEpochMilli());
    return gone.size() == FILES_AT_ONCE;
  }

  private boolean giveBack() throws IOException {
    return database.read(
        () -> {
          if (database.isFull()) {
            // Somebody else would have it at once.
            return false;
          }
          database.runToItsEnd("PRAGMA incremental_vacuum(" + PAGES_AT_ONCE + ")");
          return database.pragma("PRAGMA freelist_count") > 0;
        });
  }
}

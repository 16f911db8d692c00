package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
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
  private final HistoryCompression packing;
  private final Retention history;
  private final Retention unsendable;
  private final Pages pages;
  private boolean underWay;
  private Instant forgotten = Instant.MIN;

  Maintenance(
      Database database,
      Discards discards,
      Removal removal,
      RecentIds ids,
      Eviction room,
      Bounds bounds,
      Set<String> underWay) {
    this.database = database;
    this.bounds = bounds;
    this.ids = ids;
    this.expiry = new Expiry(database, discards, underWay);
    this.packing = new HistoryCompression(database, bounds.historyBytes());
    this.history = new Retention(database, discards, removal, DELIVERED, bounds.historyBytes());
    // Entries that nobody will send would fill the disk of a server without a DSN.
    this.unsendable = new Retention(database, discards, removal, NOT_TO_SEND, bounds.keptBytes());
    this.pages = new Pages(database, history, unsendable, room);
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
    if (!underWay) {
      expiry.begin();
      packing.begin();
      history.begin();
      unsendable.begin();
      database.write(() -> dropHolds(now) + dropMinutes(now));
    }
    boolean more = expiry.expire(now, bounds.waitingAge());
    more |= packing.pack() || history.trim(now.minus(bounds.historyAge()), now);
    more |= unsendable.trim(Instant.EPOCH, now);
    if (forgotten.isBefore(now.minus(FORGET_EVERY)) || now.isBefore(forgotten)) {
      boolean files = database.write(() -> forget(now, filesPresent));
      more |= files;
      forgotten = files ? forgotten : now;
    }
    boolean spare = giveBack();
    underWay = more || spare;
    return underWay;
  }

  private int dropHolds(Instant now) throws SQLException {
    PreparedStatement statement = database.prepared("DELETE FROM holds WHERE until < ?");
    statement.setLong(1, now.toEpochMilli());
    return statement.executeUpdate();
  }

  private int dropMinutes(Instant now) throws SQLException {
    PreparedStatement statement = database.prepared("DELETE FROM minutes WHERE minute < ?");
    statement.setLong(1, now.minus(MINUTES_KEPT).getEpochSecond() / 60);
    return statement.executeUpdate();
  }

  private boolean forget(Instant now, Set<String> filesPresent) throws SQLException {
    List<String> gone = new ArrayList<>();
    PreparedStatement finished = database.prepared("SELECT name FROM files WHERE finished < ?");
    finished.setLong(1, now.minus(FILES_KEPT).toEpochMilli());
    try (ResultSet row = finished.executeQuery()) {
      while (gone.size() < FILES_AT_ONCE && row.next()) {
        if (!filesPresent.contains(row.getString(1))) {
          gone.add(row.getString(1));
        }
      }
    }
    PreparedStatement delete = database.prepared("DELETE FROM files WHERE name = ?");
    for (String name : gone) {
      delete.setString(1, name);
      delete.executeUpdate();
    }
    ids.forget(now.toEpochMilli());
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
          return database.number("PRAGMA freelist_count") > 0;
        });
  }
}

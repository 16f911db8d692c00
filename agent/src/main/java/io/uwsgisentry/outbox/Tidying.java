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
final class Tidying {
  // Forgetting ids walks all of them.
  private static final Duration FORGET_EVERY = Duration.ofMinutes(10);
  // As long as the journal may wait for an agent, in all likelihood.
  private static final Duration MINUTES_KEPT = Duration.ofDays(2);
  private static final int ROWS_AT_ONCE = 500;
  private static final int PAGES_AT_ONCE = 512;

  private static final String DELIVERED = "state = 1";
  private static final String NOT_TO_SEND = "state IN (2, 3, 4)";

  private record Row(
      long seq, State state, String category, long occurrences, long size, long at, long stored) {}

  private final Database database;
  private final Discards discards;
  private final Removal removal;
  private final Bounds bounds;
  private final Expiry expiry;
  private final Packing packing;
  private Instant forgotten = Instant.MIN;

  Tidying(Database database, Discards discards, Removal removal, Bounds bounds) {
    this.database = database;
    this.discards = discards;
    this.removal = removal;
    this.bounds = bounds;
    this.expiry = new Expiry(database, discards);
    this.packing = new Packing(database);
  }

  /**
   * One round.
   *
   * @return whether there is more to do at once
   */
  boolean tidy(Instant now, Set<String> filesPresent) throws IOException {
    boolean more = expiry.expire(now, bounds.waitingAge());
    more |= packing.pack();
    more |= trim(DELIVERED, now.minus(bounds.historyAge()), bounds.historyBytes(), now);
    // Entries that nobody will send would fill the disk of a server without a DSN.
    more |= trim(NOT_TO_SEND, Instant.EPOCH, bounds.keptBytes(), now);
    database.write(() -> dropHolds(now) + dropMinutes(now));
    if (forgotten.isBefore(now.minus(FORGET_EVERY)) || now.isBefore(forgotten)) {
      database.write(() -> forget(now, filesPresent));
      forgotten = now;
    }
    boolean spare = giveBack();
    return more || spare;
  }

  private boolean trim(String where, Instant oldest, long bytes, Instant now) throws IOException {
    return database.write(
        () -> {
          long excess = database.number("SELECT sum(size) FROM entries WHERE " + where) - bytes;
          int deleted = 0;
          for (Row row : oldest(where)) {
            if (excess <= 0 && row.at() >= oldest.toEpochMilli()) {
              break;
            }
            delete(row, now);
            excess -= row.size();
            deleted++;
          }
          return deleted == ROWS_AT_ONCE;
        });
  }

  private List<Row> oldest(String where) throws SQLException {
    List<Row> rows = new ArrayList<>();
    try (ResultSet row =
        database
            .prepared(
                "SELECT seq, state, category, occurrences, size, coalesce(settled, stored), stored"
                    + " FROM entries WHERE "
                    + where
                    + " ORDER BY seq LIMIT "
                    + ROWS_AT_ONCE)
            .executeQuery()) {
      while (row.next()) {
        rows.add(
            new Row(
                row.getLong(1),
                State.of(row.getInt(2)),
                row.getString(3),
                row.getLong(4),
                row.getLong(5),
                row.getLong(6),
                row.getLong(7)));
      }
    }
    return rows;
  }

  private void delete(Row row, Instant now) throws SQLException {
    if (row.state() == State.UNDELIVERABLE || row.state() == State.LOCAL) {
      // A dead one was counted when it died.
      discards.add(
          0, DiscardReason.CACHE_OVERFLOW, row.category(), row.occurrences(), now.toEpochMilli());
    }
    removal.remove(row.seq(), row.stored(), now.toEpochMilli());
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
    finished.setLong(1, now.minus(Removal.IDS_KEPT).toEpochMilli());
    try (ResultSet row = finished.executeQuery()) {
      while (row.next()) {
        gone.add(row.getString(1));
      }
    }
    gone.removeAll(filesPresent);
    PreparedStatement delete = database.prepared("DELETE FROM files WHERE name = ?");
    for (String name : gone) {
      delete.setString(1, name);
      delete.executeUpdate();
    }
    database.execute("DELETE FROM consumed WHERE file NOT IN (SELECT id FROM files)");
    return !gone.isEmpty();
  }

  private boolean giveBack() throws IOException {
    return database.read(
        () -> {
          database.runToItsEnd("PRAGMA incremental_vacuum(" + PAGES_AT_ONCE + ")");
          return database.number("PRAGMA freelist_count") > 0;
        });
  }
}

package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Keeps the entries of some states within an age and a number of bytes; the oldest go. To add up
 * what there is takes a walk over all of them, so it is done once in a run: what comes meanwhile is
 * seen by the next one.
 */
final class Retention {
  private static final int ROWS_AT_ONCE = 500;
  private static final int ROW_BYTES = 300;
  private static final int MEASURED_AT_ONCE = 20_000;
  private static final long NANOS_AT_ONCE = Duration.ofMillis(50).toNanos();

  private record Row(
      long seq, State state, String category, long occurrences, long size, long at, long stored) {}

  private final Database database;
  private final Discards discards;
  private final Removal removal;
  private final String where;
  private final long bytes;
  private boolean measured;
  private long excess;
  // What is before it was looked at in this run: who waits there is not to be walked again.
  private long passed;

  /**
   * @param where which entries, as a condition in SQL
   * @param bytes how much of them may stay
   */
  Retention(Database database, Discards discards, Removal removal, String where, long bytes) {
    this.database = database;
    this.discards = discards;
    this.removal = removal;
    this.where = where;
    this.bytes = bytes;
    database.onRollback(() -> measured = false);
  }

  /** A run begins. */
  void begin() {
    measured = false;
  }

  /**
   * Deletes some of what is too much.
   *
   * @param oldest what was settled before goes in any case
   * @return whether there may be more
   */
  boolean trim(Instant oldest, Instant now) throws IOException {
    if (!measured) {
      measure();
    }
    return database.write(
        tx -> {
          long began = System.nanoTime();
          List<Row> rows = oldest();
          for (Row row : rows) {
            if (excess <= 0 && row.at() >= oldest.toEpochMilli()) {
              return false;
            }
            delete(tx, row, now);
            excess -= row.size();
            passed = row.seq();
            if (System.nanoTime() - began > NANOS_AT_ONCE) {
              return true;
            }
          }
          return rows.size() == ROWS_AT_ONCE;
        });
  }

  /**
   * Deletes the oldest, whatever their age, until so many bytes are gone.
   *
   * @return whether there were any
   */
  boolean evict(Tx tx, long most, Instant now) throws SQLException, IOException {
    measured = false;
    passed = 0;
    long gone = 0;
    List<Row> rows = oldest();
    for (Row row : rows) {
      if (gone >= most) {
        break;
      }
      delete(tx, row, now);
      gone += row.size() + ROW_BYTES;
    }
    return !rows.isEmpty();
  }

  /** Adds up, and lets others to the database in between. */
  private void measure() throws IOException {
    long[] last = {0};
    excess = -bytes;
    passed = 0;
    while (database.read(() -> measureSome(last))) {}
    measured = true;
  }

  private boolean measureSome(long[] last) throws SQLException, IOException {
    database.each(
        "SELECT sum(CASE WHEN "
            + where
            + " THEN size ELSE 0 END), max(seq) FROM"
            + " (SELECT seq, state, size FROM entries WHERE seq > ? ORDER BY seq LIMIT "
            + MEASURED_AT_ONCE
            + ")",
        row -> {
          excess += row.getLong(1);
          last[0] = row.getLong(2);
          return false;
        },
        last[0]);
    return last[0] != 0;
  }

  private List<Row> oldest() throws SQLException, IOException {
    return database.query(
        "SELECT seq, state, category, occurrences, size, coalesce(settled, stored), stored"
            + " FROM entries WHERE seq > ? AND "
            + where
            + " ORDER BY seq LIMIT "
            + ROWS_AT_ONCE,
        row ->
            new Row(
                row.getLong(1),
                State.of(row.getInt(2)),
                row.getString(3),
                row.getLong(4),
                row.getLong(5),
                row.getLong(6),
                row.getLong(7)),
        passed);
  }

  private void delete(Tx tx, Row row, Instant now) throws SQLException {
    if (row.state() == State.UNDELIVERABLE || row.state() == State.LOCAL) {
      // A dead one was counted when it died.
      discards.add(
          tx,
          0,
          DiscardReason.CACHE_OVERFLOW,
          row.category(),
          row.occurrences(),
          now.toEpochMilli());
    }
    removal.remove(tx, row.seq(), row.stored(), now.toEpochMilli());
  }
}

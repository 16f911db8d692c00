package io.uwsgisentry.outbox;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;

/**
 * The ids of records that have no entry of their own: they made none, or it was deleted. With
 * {@code entries.id} they tell a record that was appended twice.
 *
 * <p>The second copy comes moments after the first, or, of a writer that was stopped between its
 * append and its look at the name (SIGSTOP, a debugger), when it goes on. So the last ids are kept,
 * in two tables. When the newer is an hour old, or has as many as it may have, it takes the place
 * of the older, which is dropped: a flood of folded records fills no disk, and forgetting walks
 * nothing.
 */
final class RecentIds {
  static final Duration KEPT = Duration.ofHours(1);

  private static final int BYTES_EACH = 32;
  private static final long LEAST = 50_000;

  private final Database database;
  private final long most;
  private long newer = -1;

  /**
   * @param bytes that both tables together may have on the disk, about; however few they are, some
   *     tens of thousands of ids are kept, if the whole database is not small
   * @param all bytes of the whole database
   */
  RecentIds(Database database, long bytes, long all) {
    this.database = database;
    this.most = Math.max(Math.min(LEAST, all / 16 / BYTES_EACH), bytes / 2 / BYTES_EACH);
    database.onRollback(() -> newer = -1);
  }

  void add(Tx tx, Collection<String> ids) throws SQLException {
    for (String id : ids) {
      tx.update("INSERT OR IGNORE INTO consumed(id) VALUES (?)", SqlValues.id(id));
    }
    added(tx, ids.size());
  }

  /** The id of an entry that is about to be deleted. */
  void addOf(Tx tx, long seq) throws SQLException {
    tx.update("INSERT OR IGNORE INTO consumed(id) SELECT id FROM entries WHERE seq = ?", seq);
    added(tx, 1);
  }

  private void added(Tx tx, int ids) throws SQLException {
    if (ids == 0) {
      return;
    }
    newer = newer < 0 ? database.number("SELECT count(*) FROM consumed") : newer + ids;
    if (newer >= most) {
      turn(tx);
    }
  }

  /** Forgets what is older than an hour, or two. */
  void forget(Tx tx, long nowMillis) throws SQLException {
    long turned = database.number("SELECT at FROM turned");
    if (turned > 0 && turned <= nowMillis && turned > nowMillis - KEPT.toMillis()) {
      return;
    }
    if (turned > 0 && turned <= nowMillis) {
      turn(tx);
    }
    tx.update("UPDATE turned SET at = ?", nowMillis);
  }

  private void turn(Tx tx) throws SQLException {
    tx.execute("DROP TABLE consumed_before");
    tx.execute("ALTER TABLE consumed RENAME TO consumed_before");
    tx.execute(Schema.CONSUMED);
    newer = 0;
  }

  /** Whether the id given as {@code ?1} is one of them, for {@code SELECT …}. */
  static String known() {
    return "EXISTS(SELECT 1 FROM consumed WHERE id = ?1)"
        + " OR EXISTS(SELECT 1 FROM consumed_before WHERE id = ?1)";
  }
}

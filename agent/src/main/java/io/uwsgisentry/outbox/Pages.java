package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import org.sqlite.SQLiteErrorCode;

/**
 * Sees to it that new events find pages in the database, and that they do not take the last ones:
 * what is settled and deleted needs some too.
 *
 * <p>Where there are too few, what was delivered goes first, the oldest of it. Where that is not
 * enough because the database has reached its size, what cannot be sent goes, and then the least
 * valuable of what waits ({@link Eviction}), all of it counted. Where the disk is full for other
 * reasons, nothing of that goes: the new events stay in the journal until there is room.
 */
final class Pages {
  // A page is allocated for a part of one, and each event has rows in six indexes.
  private static final int EVENTS_A_PAGE = 4;
  private static final int LEAST = 8;
  private static final int MARGIN = 32;
  private static final int ROUNDS = 6;
  // To find out what is to go walks all that waits: not for each batch that comes.
  private static final int AT_ONCE = 64;

  private final Database database;
  private final Retention history;
  private final Retention unsendable;
  private final Eviction eviction;

  Pages(Database database, Retention history, Retention unsendable, Eviction eviction) {
    this.database = database;
    this.history = history;
    this.unsendable = unsendable;
    this.eviction = eviction;
  }

  /**
   * Makes room for new events, in the write that stores them. What brings none may be written in
   * any case, and a summary may take what is kept: the window that it ends makes room.
   *
   * @param bytes of all their payloads
   * @throws SQLException {@code SQLITE_FULL} if there is none
   */
  void require(Tx tx, long events, long bytes, boolean summaries, Instant now)
      throws SQLException, IOException {
    if (events == 0) {
      return;
    }
    long size = database.pageSize();
    long needed = bytes / size * 5 / 4 + events / EVENTS_A_PAGE + (summaries ? 1 : margin());
    long least = database.number("PRAGMA max_page_count") * size / AT_ONCE;
    for (int round = 0; round < ROUNDS; round++) {
      long lacking = needed - spare();
      if (lacking <= 0) {
        return;
      }
      // Pages are free when all on them is gone.
      long wanted = Math.max(lacking * size * 2, least);
      boolean any = history.evict(tx, wanted, now);
      if (!any && !database.isFull()) {
        any = unsendable.evict(tx, wanted, now) || eviction.evict(tx, wanted, now.toEpochMilli());
      }
      if (!any) {
        break;
      }
    }
    if (spare() < needed) {
      throw new SQLException("database or disk is full", null, SQLiteErrorCode.SQLITE_FULL.code);
    }
  }

  /** What stays for everything else. */
  private long margin() throws SQLException {
    return LEAST + Math.min(database.number("PRAGMA max_page_count") / MARGIN, 128);
  }

  private long spare() throws SQLException {
    return database.number("PRAGMA max_page_count")
        - database.number("PRAGMA page_count")
        + database.number("PRAGMA freelist_count");
  }
}

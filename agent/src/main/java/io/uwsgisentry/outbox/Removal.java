package io.uwsgisentry.outbox;

import java.sql.SQLException;
import java.util.List;

/** Takes entries out of the database. */
final class Removal {
  private final RecentIds ids;

  Removal(RecentIds ids) {
    this.ids = ids;
  }

  /**
   * Deletes an entry.
   *
   * @param stored when it was, in milliseconds
   */
  void remove(Tx tx, long seq, long stored, long nowMillis) throws SQLException {
    if (stored > nowMillis - RecentIds.KEPT.multipliedBy(2).toMillis()) {
      // Its id must still be recognised if the journal brings it a second time.
      ids.addOf(tx, seq);
    }
    for (String table : List.of("payloads", "packed", "entries")) {
      tx.update("DELETE FROM " + table + " WHERE seq = ?", seq);
    }
  }
}

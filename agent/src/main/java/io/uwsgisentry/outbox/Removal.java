package io.uwsgisentry.outbox;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;

/** Takes entries out of the database. */
final class Removal {
  private final Database database;
  private final RecentIds ids;

  Removal(Database database, RecentIds ids) {
    this.database = database;
    this.ids = ids;
  }

  /**
   * Deletes an entry; in a write only.
   *
   * @param stored when it was, in milliseconds
   */
  void remove(long seq, long stored, long nowMillis) throws SQLException {
    if (stored > nowMillis - RecentIds.KEPT.multipliedBy(2).toMillis()) {
      // Its id must still be recognised if the journal brings it a second time.
      ids.addOf(seq);
    }
    for (String table : List.of("payloads", "packed", "entries")) {
      PreparedStatement delete = database.prepared("DELETE FROM " + table + " WHERE seq = ?");
      delete.setLong(1, seq);
      delete.executeUpdate();
    }
  }
}

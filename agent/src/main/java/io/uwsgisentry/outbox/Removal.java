package io.uwsgisentry.outbox;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;

/** Takes entries out of the database. */
final class Removal {
  // A writer that was stopped (SIGSTOP, a debugger) between its append and its look at the name may
  // append again much later.
  static final Duration IDS_KEPT = Duration.ofHours(1);

  private final Database database;

  Removal(Database database) {
    this.database = database;
  }

  /**
   * Deletes an entry; in a write only.
   *
   * @param stored when it was, in milliseconds
   */
  void remove(long seq, long stored, long nowMillis) throws SQLException {
    if (stored > nowMillis - IDS_KEPT.multipliedBy(2).toMillis()) {
      // Its id must still be recognised if the journal brings it a second time.
      PreparedStatement keep =
          database.prepared(
              "INSERT OR IGNORE INTO consumed(id, file)"
                  + " SELECT id, (SELECT coalesce(max(id), 0) FROM files) FROM entries"
                  + " WHERE seq = ?");
      keep.setLong(1, seq);
      keep.executeUpdate();
    }
    for (String table : List.of("payloads", "packed", "entries")) {
      PreparedStatement delete = database.prepared("DELETE FROM " + table + " WHERE seq = ?");
      delete.setLong(1, seq);
      delete.executeUpdate();
    }
  }
}

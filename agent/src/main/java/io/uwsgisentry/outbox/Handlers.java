package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the handlers that records told of. */
final class Handlers {
  private static final String COLUMNS =
      "SELECT h.hash, h.instance, h.handler, h.options, h.defaults FROM handlers h ";

  private final Database database;

  Handlers(Database database) {
    this.database = database;
  }

  /** Under the lock. */
  @Nullable Handler find(long hash) throws SQLException, IOException {
    return database.first(COLUMNS + "WHERE h.hash = ?", Handlers::handler, hash);
  }

  /** The handler of that entry if it has no destination yet. Under the lock. */
  @Nullable Handler ofWaiting(String id) throws SQLException, IOException {
    return database.first(
        COLUMNS + "JOIN entries e ON e.handler = h.hash WHERE e.id = ? AND e.state IN (3, 4)",
        Handlers::handler,
        SqlValues.id(id));
  }

  /** Those with entries that have nowhere to go. Under the lock. */
  List<Handler> ofWaiting() throws SQLException, IOException {
    return every("WHERE h.hash IN (SELECT handler FROM entries WHERE state IN (3, 4))");
  }

  /** Those with entries behind an open circuit. Under the lock. */
  List<Handler> behindOpenCircuits() throws SQLException, IOException {
    return every(
        "WHERE EXISTS(SELECT 1 FROM breakers) AND h.hash IN (SELECT handler FROM entries WHERE state = 0 AND "
            + DestinationState.BEHIND_OPEN_CIRCUIT
            + ")");
  }

  private List<Handler> every(String where) throws SQLException, IOException {
    return database.query(COLUMNS + where, Handlers::handler);
  }

  List<Handler> all() throws IOException {
    return database.read(() -> every("ORDER BY h.instance, h.handler"));
  }

  private static Handler handler(ResultSet row) throws SQLException {
    return new Handler(
        row.getLong(1),
        row.getString(2),
        row.getString(3),
        row.getString(4),
        SqlValues.pairs(row.getBytes(5)));
  }
}

package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gives up what has waited too long, for the reason that made it wait. */
final class Expiry {
  private static final int ROWS_AT_ONCE = 500;

  private record Old(
      long seq, long destination, String category, long occurrences, @Nullable String error) {}

  private final Database database;
  private final Discards discards;

  Expiry(Database database, Discards discards) {
    this.database = database;
    this.discards = discards;
  }

  /**
   * Some of it.
   *
   * @return whether there may be more
   */
  boolean expire(Instant now, Duration age) throws IOException {
    long oldest = now.minus(age).toEpochMilli();
    return database.write(
        () -> {
          List<Old> all = old(oldest);
          for (Old one : all) {
            bury(one, age, now.toEpochMilli());
          }
          return all.size() == ROWS_AT_ONCE;
        });
  }

  private List<Old> old(long oldest) throws SQLException {
    List<Old> all = new ArrayList<>();
    PreparedStatement statement =
        database.prepared(
            "SELECT seq, destination, category, occurrences, coalesce(last_error,"
                + " (SELECT max(o.last_error) FROM entries o WHERE o.state = 0"
                + " AND o.destination = entries.destination AND o.not_before IS NOT NULL))"
                + " FROM entries WHERE state = 0 AND stored < ? ORDER BY stored LIMIT "
                + ROWS_AT_ONCE);
    statement.setLong(1, oldest);
    try (ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        all.add(
            new Old(
                row.getLong(1),
                row.getLong(2),
                row.getString(3),
                row.getLong(4),
                Columns.text(row, 5)));
      }
    }
    return all;
  }

  private void bury(Old old, Duration age, long nowMillis) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE entries SET "
                + Move.EXPIRED.set()
                + ", not_before = NULL, settled = ?, last_error = ?, reason = ? WHERE seq = ? AND "
                + Move.EXPIRED.where());
    statement.setLong(1, nowMillis);
    statement.setString(
        2,
        "waited longer than "
            + (age.toHours() >= 48 ? age.toDays() + " days" : age.toMinutes() + " minutes")
            + (old.error() == null ? "" : "; " + old.error()));
    DiscardReason reason = reason(old);
    statement.setString(3, reason.label());
    statement.setLong(4, old.seq());
    statement.executeUpdate();
    discards.add(old.destination(), reason, old.category(), old.occurrences(), nowMillis);
  }

  /** Errors that begin with a number are a server's answers, all others the network's. */
  private DiscardReason reason(Old old) throws SQLException {
    if (old.error() != null) {
      return Character.isDigit(old.error().charAt(0))
          ? DiscardReason.SEND_ERROR
          : DiscardReason.NETWORK_ERROR;
    }
    PreparedStatement held =
        database.prepared(
            "SELECT EXISTS(SELECT 1 FROM holds WHERE destination ="
                + " (SELECT key FROM destinations WHERE id = ?))");
    held.setLong(1, old.destination());
    try (ResultSet row = held.executeQuery()) {
      return row.next() && row.getBoolean(1)
          ? DiscardReason.RATELIMIT_BACKOFF
          : DiscardReason.NETWORK_ERROR;
    }
  }
}

package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How an {@link Entry} is read: the columns, and what each is. */
final class EntryRows {
  private static final String COLUMNS =
      "SELECT e.id, e.state, e.destination, e.timeout, e.debug, e.category, e.level, e.title,"
          + " h.instance, h.handler, e.time, e.occurrences, e.attempts, e.not_before, e.last_error,"
          + " e.settled, e.packed, e.denials, ";
  private static final String FROM = " FROM entries e LEFT JOIN handlers h ON h.hash = e.handler ";

  /** To be followed by {@code WHERE …}. */
  static final String WITH_PAYLOAD =
      COLUMNS
          + "coalesce(p.payload, y.payload)"
          + FROM
          + "LEFT JOIN payloads p ON p.seq = e.seq LEFT JOIN packed y ON y.seq = e.seq ";

  static final String WITHOUT_PAYLOAD = COLUMNS + "x''" + FROM;

  private static final byte[] NONE = {};

  private final Destinations destinations;

  EntryRows(Destinations destinations) {
    this.destinations = destinations;
  }

  Entry entry(ResultSet row) throws SQLException, IOException {
    long destination = row.getLong(3);
    Destinations.Address address = row.wasNull() ? null : destinations.addressIfThere(destination);
    String instance = row.getString(9);
    String handler = row.getString(10);
    return new Entry(
        SqlValues.id(row.getBytes(1)),
        State.of(row.getInt(2)),
        address == null ? null : address.key(),
        address == null ? null : address.dsn(),
        address == null || address.verify(),
        address == null ? Route.USUAL : address.reach(),
        Duration.ofMillis(row.getLong(4)),
        row.getBoolean(5),
        row.getString(6),
        row.getString(7),
        row.getString(8),
        instance == null ? "" : instance,
        handler == null ? "" : handler,
        SqlValues.ofMicros(row.getLong(11)),
        row.getLong(12),
        row.getInt(13),
        row.getInt(18),
        SqlValues.millis(row, 14),
        SqlValues.text(row, 15),
        SqlValues.millis(row, 16),
        payload(row.getBytes(19), row.getBoolean(17)));
  }

  /** An empty one was left out by the query, one that is null is missing. */
  private static byte[] payload(byte @Nullable [] stored, boolean packed) throws IOException {
    if (stored == null) {
      return NONE;
    }
    return packed && stored.length > 0 ? HistoryCompression.unpacked(stored) : stored;
  }
}

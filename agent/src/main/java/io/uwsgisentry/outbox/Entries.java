package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads entries. */
final class Entries {
  private static final String COLUMNS =
      "SELECT e.id, e.state, e.destination, e.timeout, e.debug, e.category, e.level, e.title,"
          + " h.instance, h.handler, e.time, e.occurrences, e.attempts, e.not_before, e.last_error,"
          + " e.settled, e.packed, e.denials, ";
  private static final String FROM = " FROM entries e LEFT JOIN handlers h ON h.hash = e.handler ";
  private static final String WITH_PAYLOAD =
      COLUMNS
          + "coalesce(p.payload, y.payload)"
          + FROM
          + "LEFT JOIN payloads p ON p.seq = e.seq LEFT JOIN packed y ON y.seq = e.seq ";
  private static final String WITHOUT_PAYLOAD = COLUMNS + "x''" + FROM;
  private static final byte[] NONE = {};
  private static final int ID_DIGITS = 32;

  private final Database database;
  private final Destinations destinations;

  Entries(Database database, Destinations destinations) {
    this.database = database;
    this.destinations = destinations;
  }

  List<String> destinationsReady(Instant now) throws IOException {
    return database.read(
        () -> {
          List<String> keys = new ArrayList<>();
          PreparedStatement next =
              database.prepared(
                  "SELECT min(destination) FROM entries WHERE state = 0 AND destination > ?");
          PreparedStatement due =
              database.prepared(
                  "SELECT EXISTS(SELECT 1 FROM entries WHERE state = 0 AND destination = ?"
                      + " AND (not_before IS NULL OR not_before <= ?))");
          long last = 0;
          while (true) {
            // One step of the index per destination: DISTINCT would walk every waiting entry.
            next.setLong(1, last);
            last = single(next);
            if (last == 0) {
              return keys;
            }
            due.setLong(1, last);
            due.setLong(2, now.toEpochMilli());
            Destinations.Address address = destinations.addressIfThere(last);
            if (single(due) != 0 && address != null && address.dsn() != null) {
              keys.add(address.key());
            }
          }
        });
  }

  private static long single(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      return row.next() ? row.getLong(1) : 0;
    }
  }

  Optional<Instant> nextReady() throws IOException {
    return database.read(
        () -> {
          PreparedStatement statement =
              database.prepared(
                  "SELECT min(not_before) FROM entries WHERE state = 0 AND not_before IS NOT NULL");
          try (ResultSet row = statement.executeQuery()) {
            return Optional.ofNullable(row.next() ? SqlValues.millis(row, 1) : null);
          }
        });
  }

  List<Entry> ready(String destinationKey, Instant now, int limit, long bytes, Set<String> exclude)
      throws IOException {
    return database.read(
        () -> {
          PreparedStatement statement =
              database.prepared(
                  WITH_PAYLOAD
                      + "WHERE e.state = 0"
                      + " AND e.destination = (SELECT id FROM destinations WHERE key = ?)"
                      + " AND (e.not_before IS NULL OR e.not_before <= ?)"
                      + " ORDER BY e.seq LIMIT ?");
          statement.setString(1, destinationKey);
          statement.setLong(2, now.toEpochMilli());
          statement.setInt(3, limit + exclude.size());
          List<Entry> entries = new ArrayList<>();
          long taken = 0;
          try (ResultSet row = statement.executeQuery()) {
            while (entries.size() < limit && taken < bytes && row.next()) {
              if (!exclude.contains(SqlValues.id(row.getBytes(1)))) {
                Entry entry = entry(row);
                entries.add(entry);
                taken += entry.payload().length;
              }
            }
          }
          return entries;
        });
  }

  List<Entry> probe(String destinationKey, Instant now, double where, Set<String> exclude)
      throws IOException {
    return database.read(
        () -> {
          long from = place(destinationKey, where);
          Entry entry =
              first(destinationKey, "not_before IS NULL AND seq >= ?", "seq", from, exclude);
          if (entry == null) {
            entry =
                first(destinationKey, "not_before IS NULL AND seq < ?", "seq DESC", from, exclude);
          }
          if (entry == null) {
            long millis = now.toEpochMilli();
            entry = first(destinationKey, "not_before <= ?", "not_before, seq", millis, exclude);
          }
          return entry == null ? List.of() : List.of(entry);
        });
  }

  private long place(String destinationKey, double where) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "SELECT (SELECT min(seq) FROM entries WHERE state = 0 AND destination = d.id),"
                + " (SELECT max(seq) FROM entries WHERE state = 0 AND destination = d.id)"
                + " FROM destinations d WHERE d.key = ?");
    statement.setString(1, destinationKey);
    try (ResultSet row = statement.executeQuery()) {
      return row.next() ? row.getLong(1) + (long) ((row.getLong(2) - row.getLong(1)) * where) : 0;
    }
  }

  private @Nullable Entry first(
      String destinationKey, String which, String order, long value, Set<String> exclude)
      throws SQLException, IOException {
    PreparedStatement found =
        database.prepared(
            "SELECT id FROM entries WHERE state = 0"
                + " AND destination = (SELECT id FROM destinations WHERE key = ?) AND "
                + which
                + " ORDER BY "
                + order
                + " LIMIT ?");
    found.setString(1, destinationKey);
    found.setLong(2, value);
    found.setInt(3, 1 + exclude.size());
    byte[] id = null;
    try (ResultSet row = found.executeQuery()) {
      while (id == null && row.next()) {
        id = exclude.contains(SqlValues.id(row.getBytes(1))) ? null : row.getBytes(1);
      }
    }
    if (id == null) {
      return null;
    }
    PreparedStatement statement = database.prepared(WITH_PAYLOAD + "WHERE e.id = ?");
    statement.setBytes(1, id);
    try (ResultSet row = statement.executeQuery()) {
      return row.next() ? entry(row) : null;
    }
  }

  List<Entry> find(String prefix, int limit) throws IOException {
    String digits = prefix.replace("-", "").toLowerCase(Locale.ROOT);
    if (digits.isEmpty() || digits.length() > ID_DIGITS || !digits.matches("[0-9a-f]+")) {
      return List.of();
    }
    int open = ID_DIGITS - digits.length();
    return query(
        WITH_PAYLOAD + "WHERE e.id BETWEEN ? AND ? ORDER BY e.id LIMIT ?",
        List.of(
            SqlValues.id(digits + "0".repeat(open)),
            SqlValues.id(digits + "f".repeat(open)),
            (long) limit));
  }

  Optional<Entry> lastOfStorm(long foldKey, @Nullable String destinationKey, long handlerHash)
      throws IOException {
    return query(
            WITH_PAYLOAD
                + "WHERE e.fold = ? AND e.raw = 0 AND "
                + (destinationKey == null
                    ? "e.destination IS NULL AND e.handler = ?"
                    : "e.destination = (SELECT id FROM destinations WHERE key = ?)")
                + " ORDER BY e.seq DESC LIMIT 1",
            List.of(foldKey, destinationKey == null ? handlerHash : destinationKey))
        .stream()
        .findFirst();
  }

  List<Entry> list(Filter filter, int limit) throws IOException {
    StringBuilder where = new StringBuilder("WHERE 1");
    List<Object> values = new ArrayList<>();
    if (!filter.states().isEmpty()) {
      where.append(
          filter.states().stream()
              .map(state -> String.valueOf(state.code()))
              .collect(Collectors.joining(", ", " AND e.state IN (", ")")));
    }
    if (filter.instance() != null) {
      where.append(" AND h.instance = ?");
      values.add(filter.instance());
    }
    if (filter.handler() != null) {
      where.append(" AND h.handler = ?");
      values.add(filter.handler());
    }
    if (filter.level() != null) {
      where.append(" AND e.level = ?");
      values.add(filter.level());
    }
    if (filter.text() != null) {
      where.append(" AND instr(lower(e.title), lower(?))");
      values.add(filter.text());
    }
    if (filter.since() != null) {
      where.append(" AND e.time >= ?");
      values.add(SqlValues.micros(filter.since()));
    }
    values.add((long) limit);
    return query(WITHOUT_PAYLOAD + where + " ORDER BY e.seq DESC LIMIT ?", values);
  }

  private List<Entry> query(String sql, List<Object> values) throws IOException {
    return database.read(
        () -> {
          PreparedStatement statement = database.prepared(sql);
          for (int i = 0; i < values.size(); i++) {
            statement.setObject(i + 1, values.get(i));
          }
          List<Entry> entries = new ArrayList<>();
          try (ResultSet row = statement.executeQuery()) {
            while (row.next()) {
              entries.add(entry(row));
            }
          }
          return entries;
        });
  }

  private Entry entry(ResultSet row) throws SQLException, IOException {
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

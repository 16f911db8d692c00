package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sums for {@code status}. Each walks the table once: not for a loop. */
final class Tallies {
  private final Database database;
  private final Destinations destinations;
  private final Settling settling;
  private final OpenCircuits openCircuits;

  Tallies(
      Database database, Destinations destinations, Settling settling, OpenCircuits openCircuits) {
    this.database = database;
    this.destinations = destinations;
    this.settling = settling;
    this.openCircuits = openCircuits;
  }

  Map<State, Tally> states() throws IOException {
    return database.read(
        () -> {
          Map<State, Tally> tallies = new EnumMap<>(State.class);
          try (ResultSet row =
              database
                  .prepared(
                      "SELECT state, count(*), sum(occurrences), sum(size) FROM entries GROUP BY 1")
                  .executeQuery()) {
            while (row.next()) {
              tallies.put(
                  State.of(row.getInt(1)),
                  new Tally(row.getLong(2), row.getLong(3), row.getLong(4)));
            }
          }
          return tallies;
        });
  }

  List<DestinationTally> byDestination() throws IOException {
    return database.read(
        () -> {
          Map<Long, Map<State, Long>> counts = new java.util.TreeMap<>();
          try (ResultSet row =
              database
                  .prepared(
                      "SELECT destination, state, count(*) FROM entries"
                          + " WHERE destination IS NOT NULL GROUP BY 1, 2")
                  .executeQuery()) {
            while (row.next()) {
              counts
                  .computeIfAbsent(row.getLong(1), id -> new EnumMap<>(State.class))
                  .put(State.of(row.getInt(2)), row.getLong(3));
            }
          }
          List<DestinationTally> tallies = new ArrayList<>();
          for (Map.Entry<Long, Map<State, Long>> count : counts.entrySet()) {
            Destinations.Address address = destinations.address(count.getKey());
            if (address.dsn() == null) {
              continue;
            }
            tallies.add(
                new DestinationTally(
                    address.key(),
                    address.dsn(),
                    address.verify(),
                    address.reach(),
                    count.getValue(),
                    oldestReady(address.id()),
                    lastError(address.id()),
                    failing(address.id()),
                    settling.holds(address.key()),
                    openCircuits.find(address.key()).orElse(null)));
          }
          return tallies;
        });
  }

  private @Nullable Instant oldestReady(long destination) throws SQLException {
    PreparedStatement statement =
        database.prepared("SELECT min(time) FROM entries WHERE state = 0 AND destination = ?");
    statement.setLong(1, destination);
    try (ResultSet row = statement.executeQuery()) {
      if (!row.next()) {
        return null;
      }
      long micros = row.getLong(1);
      return row.wasNull() ? null : SqlValues.ofMicros(micros);
    }
  }

  private @Nullable String lastError(long destination) throws SQLException {
    return newestError(
        "SELECT last_error FROM entries WHERE destination = ? AND last_error IS NOT NULL"
            + " ORDER BY coalesce(settled, not_before, 0) DESC LIMIT 1",
        destination);
  }

  private @Nullable String failing(long destination) throws SQLException {
    return newestError(
        "SELECT last_error FROM entries WHERE state = 0 AND destination = ?"
            + " AND last_error IS NOT NULL ORDER BY not_before DESC LIMIT 1",
        destination);
  }

  private @Nullable String newestError(String query, long destination) throws SQLException {
    PreparedStatement statement = database.prepared(query);
    statement.setLong(1, destination);
    try (ResultSet row = statement.executeQuery()) {
      return row.next() ? SqlValues.text(row, 1) : null;
    }
  }
}

package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The outbox as a person sees it: entries, and sums over them. Each sum walks a table once: not for
 * a loop. Any thread may call any method.
 */
public final class OutboxReader {
  private static final int ID_DIGITS = 32;

  private final Database database;
  private final Destinations destinations;
  private final Handlers handlers;
  private final DestinationState state;
  private final StormStore storms;
  private final EntryRows rows;

  OutboxReader(
      Database database,
      Destinations destinations,
      Handlers handlers,
      DestinationState state,
      StormStore storms) {
    this.database = database;
    this.destinations = destinations;
    this.handlers = handlers;
    this.state = state;
    this.storms = storms;
    this.rows = new EntryRows(destinations);
  }

  /** Entries whose id starts with these hex digits (dashes are ignored), at most {@code limit}. */
  public List<Entry> find(String idPrefix, int limit) throws IOException {
    String digits = idPrefix.replace("-", "").toLowerCase(Locale.ROOT);
    if (digits.isEmpty() || digits.length() > ID_DIGITS || !digits.matches("[0-9a-f]+")) {
      return List.of();
    }
    int open = ID_DIGITS - digits.length();
    return entries(
        EntryRows.WITH_PAYLOAD + "WHERE e.id BETWEEN ? AND ? ORDER BY e.id LIMIT ?",
        SqlValues.id(digits + "0".repeat(open)),
        SqlValues.id(digits + "f".repeat(open)),
        limit);
  }

  /** The newest entries that pass the filter, without payload. */
  public List<Entry> list(Filter filter, int limit) throws IOException {
    StringBuilder where = new StringBuilder("WHERE 1");
    List<Object> values = new ArrayList<>();
    if (!filter.states().isEmpty()) {
      where.append(
          filter.states().stream()
              .map(one -> String.valueOf(one.code()))
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
    values.add(limit);
    return entries(
        EntryRows.WITHOUT_PAYLOAD + where + " ORDER BY e.seq DESC LIMIT ?", values.toArray());
  }

  private List<Entry> entries(String sql, @Nullable Object... values) throws IOException {
    return database.read(() -> database.query(sql, rows::entry, values));
  }

  /** How much there is in each state; states without entries are left out. */
  public Map<State, Tally> states() throws IOException {
    return database.read(
        () -> {
          Map<State, Tally> tallies = new EnumMap<>(State.class);
          database.each(
              "SELECT state, count(*), sum(occurrences), sum(size) FROM entries GROUP BY 1",
              row -> {
                tallies.put(
                    State.of(row.getInt(1)),
                    new Tally(row.getLong(2), row.getLong(3), row.getLong(4)));
                return true;
              });
          return tallies;
        });
  }

  /** How things stand for each destination. */
  public List<DestinationTally> destinations() throws IOException {
    return database.read(
        () -> {
          Map<Long, Map<State, Long>> counts = new TreeMap<>();
          database.each(
              "SELECT destination, state, count(*) FROM entries"
                  + " WHERE destination IS NOT NULL GROUP BY 1, 2",
              row -> {
                counts
                    .computeIfAbsent(row.getLong(1), id -> new EnumMap<>(State.class))
                    .put(State.of(row.getInt(2)), row.getLong(3));
                return true;
              });
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
                    state.holds(address.key()),
                    state.circuit(address.key()).orElse(null)));
          }
          return tallies;
        });
  }

  private @Nullable Instant oldestReady(long destination) throws SQLException, IOException {
    return database.first(
        "SELECT min(time) FROM entries WHERE state = 0 AND destination = ?",
        row -> {
          long micros = row.getLong(1);
          return row.wasNull() ? null : SqlValues.ofMicros(micros);
        },
        destination);
  }

  private @Nullable String lastError(long destination) throws SQLException, IOException {
    return database.first(
        "SELECT last_error FROM entries WHERE destination = ? AND last_error IS NOT NULL"
            + " ORDER BY coalesce(settled, not_before, 0) DESC LIMIT 1",
        row -> row.getString(1),
        destination);
  }

  private @Nullable String failing(long destination) throws SQLException, IOException {
    return database.first(
        "SELECT last_error FROM entries WHERE state = 0 AND destination = ?"
            + " AND last_error IS NOT NULL ORDER BY not_before DESC LIMIT 1",
        row -> row.getString(1),
        destination);
  }

  /** All that was counted. */
  public List<Counter> counters() throws IOException {
    return Counters.all(database);
  }

  /** How many occurrences of how many faults are counted and not yet reported. */
  public StormTally storms() throws IOException {
    return storms.tally();
  }

  /** Every handler that a record named, by instance. */
  public List<Handler> handlers() throws IOException {
    return handlers.all();
  }
}

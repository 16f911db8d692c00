package io.uwsgisentry.outbox;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.storm.Storm;
import io.uwsgisentry.storm.StormWindow;
import io.uwsgisentry.storm.StormWindow.Varied;
import io.uwsgisentry.storm.TopValues;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The table of open windows. */
final class StormStore {
  private static final String SELECT =
      "SELECT lane, fault, opened, passed, folded, first, last, varied, kind, handler, destination,"
          + " timeout, debug, time, category, level, title, payload FROM folds ";
  private static final String PUT =
      "INSERT INTO folds(lane, fault, opened, passed, folded, first, last, varied, kind, handler,"
          + " destination, timeout, debug, time, category, level, title, payload)"
          + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
          + " ON CONFLICT(lane, fault) DO UPDATE SET opened = excluded.opened,"
          + " passed = excluded.passed, folded = excluded.folded, first = excluded.first,"
          + " last = excluded.last, varied = excluded.varied, kind = excluded.kind,"
          + " handler = excluded.handler, destination = excluded.destination,"
          + " timeout = excluded.timeout, debug = excluded.debug";
  private static final String WITH_TEMPLATE =
      ", time = excluded.time, category = excluded.category, level = excluded.level,"
          + " title = excluded.title, payload = excluded.payload";

  // Up to these no sum over all windows and no calculation with a time overflows: the year 2169.
  private static final long MOST = 1_000_000_000_000L;
  private static final long LATEST = Duration.ofDays(73_000).toSeconds() * 1_000_000;

  private final Database database;
  private final Destinations destinations;

  StormStore(Database database, Destinations destinations) {
    this.database = database;
    this.destinations = destinations;
  }

  Optional<StormWindow> window(Storm.Key key) throws IOException {
    return database.read(
        () ->
            Optional.ofNullable(
                database.first(
                    "SELECT opened, passed, folded, first, last, varied FROM folds"
                        + " WHERE lane = ? AND fault = ?",
                    row -> window(row, 1, new ArrayList<>()),
                    key.destination(),
                    key.fault())));
  }

  Optional<Storm> find(Storm.Key key) throws IOException {
    return database.read(
        () ->
            Optional.ofNullable(
                database.first(
                    SELECT + "WHERE lane = ? AND fault = ?",
                    this::storm,
                    key.destination(),
                    key.fault())));
  }

  List<Storm> over(Instant clock, int limit, long bytes) throws IOException {
    return database.read(
        () ->
            storms(
                bytes,
                SELECT + "WHERE opened <= ? OR opened >= ? LIMIT ?",
                StormWindow.openedAtMost(clock),
                StormWindow.openedAtLeast(clock),
                limit));
  }

  List<Storm> counted(int limit, long bytes) throws IOException {
    return database.read(
        () -> storms(bytes, SELECT + "WHERE folded > 0 ORDER BY opened LIMIT ?", limit));
  }

  StormTally tally() throws IOException {
    return database.read(
        () -> {
          return new StormTally(
              database.number(
                  "SELECT sum(max(0, min(CAST(folded AS INTEGER), " + MOST + "))) FROM folds"),
              database.number("SELECT count(*) FROM folds WHERE folded > 0"));
        });
  }

  void put(Tx tx, Storm storm) throws SQLException, IOException {
    StormWindow window = storm.window();
    Destination.To to = storm.to();
    Event template = storm.template();
    tx.update(
        template == null ? PUT : PUT + WITH_TEMPLATE,
        storm.key().destination(),
        storm.key().fault(),
        window.opened(),
        window.passed(),
        window.counted(),
        window.first(),
        window.last(),
        bytes(window.varied()),
        storm.kind(),
        storm.handlerHash(),
        destinations.idOrNull(tx, to),
        to == null ? 0 : to.timeout().toMillis(),
        to != null && to.debug(),
        template == null ? null : (Long) SqlValues.micros(template.time()),
        template == null ? null : template.category(),
        template == null ? null : template.level(),
        template == null ? null : template.title(),
        template == null ? null : template.payload());
  }

  void delete(Tx tx, Storm.Key key) throws SQLException {
    tx.update("DELETE FROM folds WHERE lane = ? AND fault = ?", key.destination(), key.fault());
  }

  /** The one that reaches that number of bytes is the last. */
  private List<Storm> storms(long bytes, String sql, Object... values)
      throws SQLException, IOException {
    List<Storm> storms = new ArrayList<>();
    long[] left = {bytes};
    database.each(
        sql,
        row -> {
          Storm storm = storm(row);
          storms.add(storm);
          left[0] -= storm.template() == null ? 0 : storm.template().payload().length;
          return left[0] > 0;
        },
        values);
    return storms;
  }

  /** Whatever of it is damaged: its count is told, as far as there is one, with what is left. */
  private Storm storm(ResultSet row) throws SQLException, IOException {
    List<String> lost = new ArrayList<>();
    return new Storm(
        new Storm.Key(row.getString(1), row.getLong(2)),
        window(row, 3, lost),
        row.getInt(9),
        row.getLong(10),
        to(row, lost),
        template(row, lost),
        String.join(", ", lost));
  }

  /** Without a DSN that can be used its handler is asked again. */
  private Destination.@Nullable To to(ResultSet row, List<String> lost)
      throws SQLException, IOException {
    long destination = row.getLong(11);
    if (row.wasNull()) {
      return null;
    }
    Destinations.Address address = destinations.addressIfThere(destination);
    if (address == null) {
      lost.add("where it goes");
      return null;
    }
    Dsn dsn = address.dsn();
    return dsn == null
        ? null
        : new Destination.To(
            dsn,
            address.verify(),
            Duration.ofMillis(row.getLong(12)),
            row.getBoolean(13),
            address.reach());
  }

  private static @Nullable Event template(ResultSet row, List<String> lost) throws SQLException {
    byte[] payload = row.getBytes(18);
    String category = SqlValues.text(row, 15);
    String level = SqlValues.text(row, 16);
    String title = SqlValues.text(row, 17);
    if (payload == null) {
      return null;
    }
    if (category == null || level == null || title == null) {
      lost.add("what it is like");
      return null;
    }
    return new Event("", SqlValues.ofMicros(row.getLong(14)), category, level, title, payload);
  }

  private static StormWindow window(ResultSet row, int from, List<String> lost)
      throws SQLException {
    StormWindow window =
        new StormWindow(
            row.getLong(from),
            within(row.getLong(from + 1), MOST, "how many went before", lost),
            within(row.getLong(from + 2), MOST, "how many there were", lost),
            within(row.getLong(from + 3), LATEST, "when it began", lost),
            within(row.getLong(from + 4), LATEST, "when it ended", lost));
    window.varied().putAll(varied(row.getBytes(from + 5)));
    return window;
  }

  private static long within(long value, long most, String what, List<String> lost) {
    if (value >= 0 && value <= most) {
      return value;
    }
    lost.add(what);
    return value < 0 ? 0 : most;
  }

  /** What, value, count, and by how much that may be too high: each ended by a NUL. */
  private static byte[] bytes(Map<Varied, TopValues> varied) {
    StringBuilder text = new StringBuilder();
    varied.forEach(
        (what, frequencies) -> {
          for (TopValues.Value value : frequencies.values()) {
            text.append(what).append('\0').append(value.text().replace("\0", "")).append('\0');
            text.append(value.count()).append('\0').append(value.over()).append('\0');
          }
        });
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static Map<Varied, TopValues> varied(byte[] bytes) {
    Map<Varied, List<TopValues.Value>> values = new EnumMap<>(Varied.class);
    String[] parts = new String(bytes, StandardCharsets.UTF_8).split("\0", -1);
    for (int i = 0; i + 3 < parts.length; i += 4) {
      try {
        values
            .computeIfAbsent(Varied.valueOf(parts[i]), what -> new ArrayList<>())
            .add(
                new TopValues.Value(
                    parts[i + 1], Long.parseLong(parts[i + 2]), Long.parseLong(parts[i + 3])));
      } catch (IllegalArgumentException e) {
        // A word of another version costs what it tells, not the window and all behind it.
      }
    }
    Map<Varied, TopValues> varied = new EnumMap<>(Varied.class);
    values.forEach((what, of) -> varied.put(what, new TopValues(of)));
    return varied;
  }
}

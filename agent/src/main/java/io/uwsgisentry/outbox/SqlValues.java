package io.uwsgisentry.outbox;

import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How values stand in columns. */
final class SqlValues {
  private static final HexFormat HEX = HexFormat.of();

  private SqlValues() {}

  static byte[] id(String id) {
    return HEX.parseHex(id);
  }

  static String id(byte[] id) {
    return HEX.formatHex(id);
  }

  static long micros(Instant time) {
    return ChronoUnit.MICROS.between(Instant.EPOCH, time);
  }

  static Instant ofMicros(long micros) {
    return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
  }

  static @Nullable Instant millis(ResultSet row, int column) throws SQLException {
    long millis = row.getLong(column);
    return row.wasNull() ? null : Instant.ofEpochMilli(millis);
  }

  static @Nullable String text(ResultSet row, int column) throws SQLException {
    return row.getString(column);
  }

  /**
   * Binds a value of a statement. Times are milliseconds since 1970, truth is 0 or 1; what stands
   * in a column in another way, as an id does, was made so before.
   */
  static void bind(PreparedStatement statement, int index, @Nullable Object value)
      throws SQLException {
    if (value instanceof Instant time) {
      statement.setLong(index, time.toEpochMilli());
    } else if (value instanceof Boolean truth) {
      statement.setInt(index, truth ? 1 : 0);
    } else if (value instanceof byte[] bytes) {
      statement.setBytes(index, bytes);
    } else if (value == null || value instanceof Number || value instanceof String) {
      statement.setObject(index, value);
    } else {
      throw new AssertionError(value.getClass());
    }
  }

  /**
   * Keys and values, each ended by a NUL; a NUL within a value, which nothing sensible has, is
   * dropped.
   */
  static byte[] pairs(Map<String, String> pairs) {
    StringBuilder text = new StringBuilder();
    pairs.forEach(
        (key, value) -> text.append(key).append('\0').append(value.replace("\0", "")).append('\0'));
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  static Map<String, String> pairs(byte[] bytes) {
    Map<String, String> pairs = new LinkedHashMap<>();
    String[] parts = new String(bytes, StandardCharsets.UTF_8).split("\0", -1);
    for (int i = 0; i + 1 < parts.length; i += 2) {
      pairs.put(parts[i], parts[i + 1]);
    }
    return pairs;
  }
}

package io.uwsgisentry.outbox;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.sql.SQLException;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * Compresses the payloads of what is only history, not while it is being delivered but afterwards.
 * The newest first, and in one run no more than the history may hold: what is older than that is
 * about to be deleted.
 */
final class HistoryCompression {
  private static final int ROWS_AT_ONCE = 200;
  private static final int BYTES_AT_ONCE = 1 << 20;

  private final Database database;
  private final long most;
  private long packed;

  /**
   * @param most bytes of history that stay
   */
  HistoryCompression(Database database, long most) {
    this.database = database;
    this.most = most;
  }

  /** A run begins. */
  void begin() {
    packed = 0;
  }

  /**
   * Some of them.
   *
   * @return whether there may be more
   */
  boolean pack() throws IOException {
    if (packed >= most
        || database.read(
                () ->
                    database.number(
                        "SELECT EXISTS(SELECT 1 FROM entries WHERE state = 1 AND packed = 0)"))
            == 0) {
      return false;
    }
    return database.write(
        tx -> {
          Map<Long, byte[]> loose = new TreeMap<>();
          long[] left = {BYTES_AT_ONCE};
          database.each(
              "SELECT e.seq, p.payload FROM entries e JOIN payloads p ON p.seq = e.seq"
                  + " WHERE e.state = 1 AND e.packed = 0 ORDER BY e.seq DESC LIMIT "
                  + ROWS_AT_ONCE,
              row -> {
                byte[] payload = row.getBytes(2);
                left[0] -= payload.length;
                loose.put(row.getLong(1), packed(payload));
                return left[0] > 0;
              });
          for (Map.Entry<Long, byte[]> one : loose.entrySet()) {
            move(tx, one.getKey(), one.getValue());
            packed += one.getValue().length;
          }
          return (loose.size() == ROWS_AT_ONCE || left[0] <= 0) && packed < most;
        });
  }

  private static void move(Tx tx, long seq, byte[] packed) throws SQLException {
    tx.update("DELETE FROM payloads WHERE seq = ?", seq);
    tx.update("INSERT INTO packed(seq, payload) VALUES (?, ?)", seq, packed);
    tx.update("UPDATE entries SET packed = 1, size = ? WHERE seq = ?", packed.length, seq);
  }

  static byte[] packed(byte[] payload) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream(payload.length / 2 + 64);
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(payload);
    }
    return out.toByteArray();
  }

  static byte[] unpacked(byte[] packed) throws IOException {
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
      return in.readAllBytes();
    }
  }
}

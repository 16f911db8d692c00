package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;

/** The destinations whose circuit is open. Their entries stay ready: the destination waits. */
final class OpenCircuits {
  /** Which entries wait behind an open circuit, for {@code WHERE …}. */
  static final String BEHIND =
      "destination IN (SELECT d.id FROM destinations d JOIN breakers b ON b.destination = d.key)";

  private final Database database;

  OpenCircuits(Database database) {
    this.database = database;
  }

  Optional<OpenCircuit> find(String destinationKey) throws IOException {
    return database.read(
        () -> {
          PreparedStatement statement =
              database.prepared(
                  "SELECT status, words, since, probes, next FROM breakers WHERE destination = ?");
          statement.setString(1, destinationKey);
          try (ResultSet row = statement.executeQuery()) {
            return row.next()
                ? Optional.of(
                    new OpenCircuit(
                        row.getInt(1),
                        row.getString(2),
                        Instant.ofEpochMilli(row.getLong(3)),
                        row.getInt(4),
                        Instant.ofEpochMilli(row.getLong(5))))
                : Optional.empty();
          }
        });
  }

  void open(String destinationKey, OpenCircuit openCircuit) throws IOException {
    database.write(
        () -> {
          PreparedStatement statement =
              database.prepared(
                  "INSERT OR REPLACE INTO breakers(destination, status, words, since, probes, next)"
                      + " VALUES (?, ?, ?, ?, ?, ?)");
          statement.setString(1, destinationKey);
          statement.setInt(2, openCircuit.status());
          statement.setString(3, openCircuit.words());
          statement.setLong(4, openCircuit.since().toEpochMilli());
          statement.setInt(5, openCircuit.probes());
          statement.setLong(6, openCircuit.next().toEpochMilli());
          return statement.executeUpdate();
        });
  }

  void close(String destinationKey) throws IOException {
    database.write(
        () -> {
          PreparedStatement release =
              database.prepared(
                  "UPDATE entries SET not_before = NULL WHERE state = 0 AND not_before IS NOT NULL"
                      // These were denied while others were accepted.
                      + " AND denials = 0"
                      + " AND destination = (SELECT id FROM destinations WHERE key = ?)");
          release.setString(1, destinationKey);
          release.executeUpdate();
          PreparedStatement statement =
              database.prepared("DELETE FROM breakers WHERE destination = ?");
          statement.setString(1, destinationKey);
          return statement.executeUpdate();
        });
  }

  /** All are to be tried at once, since something may have been mended. In a write only. */
  void probeAll() throws SQLException {
    if (database.number("SELECT EXISTS(SELECT 1 FROM breakers)") == 0) {
      return;
    }
    database.execute("UPDATE breakers SET next = 0");
    database.execute(
        "UPDATE entries SET not_before = NULL WHERE state = 0 AND not_before IS NOT NULL AND "
            + BEHIND);
  }

  /** That entry's destination is to be tried at once. In a write only. */
  void probe(byte[] id) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "UPDATE breakers SET next = 0 WHERE destination = (SELECT d.key FROM destinations d"
                + " JOIN entries e ON e.destination = d.id WHERE e.id = ?)");
    statement.setBytes(1, id);
    statement.executeUpdate();
  }
}

package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What servers said that holds for all of their entries, kept over restarts: how long they want
 * nothing, and whose circuit is open. The entries stay ready: the destination waits.
 */
final class DestinationState {
  /** Which entries wait behind an open circuit, for {@code WHERE …}. */
  static final String BEHIND_OPEN_CIRCUIT =
      "destination IN (SELECT d.id FROM destinations d JOIN breakers b ON b.destination = d.key)";

  private final Database database;

  DestinationState(Database database) {
    this.database = database;
  }

  void hold(String destinationKey, String category, Instant until) throws IOException {
    database.write(
        tx ->
            // The longer hold wins, as in Sentry's own SDKs.
            tx.update(
                "INSERT INTO holds(destination, category, until) VALUES (?, ?, ?)"
                    + " ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                destinationKey,
                category,
                until));
  }

  Map<String, Instant> holds(String destinationKey) throws IOException {
    return database.read(
        () -> {
          Map<String, Instant> holds = new HashMap<>();
          database.each(
              "SELECT category, until FROM holds WHERE destination = ?",
              row -> {
                holds.put(row.getString(1), Instant.ofEpochMilli(row.getLong(2)));
                return true;
              },
              destinationKey);
          return holds;
        });
  }

  Optional<OpenCircuit> circuit(String destinationKey) throws IOException {
    return database.read(
        () ->
            Optional.ofNullable(
                database.first(
                    "SELECT status, words, since, probes, next FROM breakers WHERE destination = ?",
                    row ->
                        new OpenCircuit(
                            row.getInt(1),
                            row.getString(2),
                            Instant.ofEpochMilli(row.getLong(3)),
                            row.getInt(4),
                            Instant.ofEpochMilli(row.getLong(5))),
                    destinationKey)));
  }

  void openCircuit(String destinationKey, OpenCircuit circuit) throws IOException {
    database.write(
        tx ->
            tx.update(
                "INSERT OR REPLACE INTO breakers(destination, status, words, since, probes, next)"
                    + " VALUES (?, ?, ?, ?, ?, ?)",
                destinationKey,
                circuit.status(),
                circuit.words(),
                circuit.since(),
                circuit.probes(),
                circuit.next()));
  }

  void closeCircuit(String destinationKey) throws IOException {
    database.write(
        tx -> {
          tx.update(
              "UPDATE entries SET not_before = NULL WHERE state = 0 AND not_before IS NOT NULL"
                  // These were denied while others were accepted.
                  + " AND denials = 0"
                  + " AND destination = (SELECT id FROM destinations WHERE key = ?)",
              destinationKey);
          return tx.update("DELETE FROM breakers WHERE destination = ?", destinationKey);
        });
  }

  /** All are to be tried at once, since something may have been fixed. */
  void probeAll(Tx tx) throws SQLException {
    if (database.number("SELECT EXISTS(SELECT 1 FROM breakers)") == 0) {
      return;
    }
    tx.update("UPDATE breakers SET next = 0");
    tx.update(
        "UPDATE entries SET not_before = NULL WHERE state = 0 AND not_before IS NOT NULL AND "
            + BEHIND_OPEN_CIRCUIT);
  }

  /** That entry's destination is to be tried at once. */
  void probe(Tx tx, byte[] id) throws SQLException {
    tx.update(
        "UPDATE breakers SET next = 0 WHERE destination = (SELECT d.key FROM destinations d"
            + " JOIN entries e ON e.destination = d.id WHERE e.id = ?)",
        id);
  }
}

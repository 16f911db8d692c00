package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Gives up what has waited too long, for the reason that made it wait. An entry that was never
 * tried waited behind others of its destination: their reason is its reason, and looked up once a
 * run.
 */
final class Expiry {
  private static final int ROWS_AT_ONCE = 500;
  private static final long NANOS_AT_ONCE = Duration.ofMillis(50).toNanos();

  /**
   * @param error what went wrong there last, null if nothing is known to have
   */
  private record Trouble(@Nullable String error, boolean held) {}

  private record Old(
      long seq,
      String id,
      long destination,
      String category,
      long occurrences,
      @Nullable String error) {}

  private final Database database;
  private final Discards discards;
  private final Set<String> inFlight;
  private final Map<Long, Trouble> troubles = new HashMap<>();

  /**
   * @param inFlight ids of those whose answer may come yet: they have a little more time
   */
  Expiry(Database database, Discards discards, Set<String> inFlight) {
    this.database = database;
    this.inFlight = inFlight;
    this.discards = discards;
  }

  /** A run begins. */
  void begin() {
    troubles.clear();
  }

  /**
   * Some of it.
   *
   * @return whether there may be more
   */
  boolean expire(Instant now, Duration age) throws IOException {
    long oldest = now.minus(age).toEpochMilli();
    return database.write(
        tx -> {
          long began = System.nanoTime();
          List<Old> all = old(oldest);
          int expired = 0;
          for (Old one : all) {
            if (inFlight.contains(one.id())) {
              continue;
            }
            if (System.nanoTime() - began > NANOS_AT_ONCE && expired > 0) {
              return true;
            }
            markDead(tx, one, age, now.toEpochMilli());
            expired++;
          }
          return all.size() == ROWS_AT_ONCE && expired > 0;
        });
  }

  private List<Old> old(long oldest) throws SQLException, IOException {
    return database.query(
        "SELECT seq, destination, category, occurrences, last_error, id"
            + " FROM entries WHERE state = 0 AND stored < ? ORDER BY stored LIMIT "
            + ROWS_AT_ONCE,
        row ->
            new Old(
                row.getLong(1),
                SqlValues.id(row.getBytes(6)),
                row.getLong(2),
                row.getString(3),
                row.getLong(4),
                SqlValues.text(row, 5)),
        oldest);
  }

  private void markDead(Tx tx, Old old, Duration age, long nowMillis)
      throws SQLException, IOException {
    Trouble trouble = trouble(old.destination());
    String error = old.error() == null ? trouble.error() : old.error();
    DiscardReason reason = reason(error, trouble.held());
    tx.update(
        "UPDATE entries SET "
            + Transition.EXPIRED.set()
            + ", not_before = NULL, settled = ?, last_error = ?, reason = ? WHERE seq = ? AND "
            + Transition.EXPIRED.where(),
        nowMillis,
        "waited longer than "
            + (age.toHours() >= 48 ? age.toDays() + " days" : age.toMinutes() + " minutes")
            + (error == null ? "" : "; " + error),
        reason.label(),
        old.seq());
    discards.add(tx, old.destination(), reason, old.category(), old.occurrences(), nowMillis);
  }

  /** Errors that begin with a number are a server's answers, all others the network's. */
  private static DiscardReason reason(@Nullable String error, boolean held) {
    if (error != null && !error.isEmpty()) {
      return Character.isDigit(error.charAt(0))
          ? DiscardReason.SEND_ERROR
          : DiscardReason.NETWORK_ERROR;
    }
    return held ? DiscardReason.RATELIMIT_BACKOFF : DiscardReason.NETWORK_ERROR;
  }

  private Trouble trouble(long destination) throws SQLException, IOException {
    Trouble known = troubles.get(destination);
    if (known == null) {
      known = new Trouble(error(destination), held(destination));
      troubles.put(destination, known);
    }
    return known;
  }

  /** What was tried and waits for another time is the little that this has to walk. */
  private @Nullable String error(long destination) throws SQLException, IOException {
    return database.first(
        "SELECT last_error FROM entries INDEXED BY entries_later WHERE state = 0"
            + " AND not_before IS NOT NULL AND destination = ? AND last_error IS NOT NULL"
            + " ORDER BY not_before DESC LIMIT 1",
        row -> row.getString(1),
        destination);
  }

  private boolean held(long destination) throws SQLException {
    return database.number(
            "SELECT EXISTS(SELECT 1 FROM holds WHERE destination ="
                + " (SELECT key FROM destinations WHERE id = ?))",
            destination)
        != 0;
  }
}

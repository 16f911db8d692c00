package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Keeps what waits to be sent within its bounds, in the very transaction that would go beyond them.
 *
 * <p><b>Whose goes.</b> Where a destination has too many entries, its own. Where all together are
 * too large, those of whoever holds most: each is cut to the same number of bytes, the largest that
 * makes the sum fit, and who holds less loses nothing. So a destination that has been dead for a
 * week can take what nobody else needs, and no more.
 *
 * <p><b>Which go first.</b> What tells least that is not told otherwise:
 *
 * <ol>
 *   <li>copies: entries of one fold key beyond its newest {@link #TELLING}. The same incident has
 *       been described that often, and only the count is lost, which is reported;
 *   <li>then by level: debug, info, warning, error, fatal;
 *   <li>of these the copies again, from the fold key that has most of them;
 *   <li>and of all these the oldest: when the way is mended, what happened last is looked for.
 * </ol>
 *
 * <p>The next to be sent of each destination stay, and all that is under way.
 *
 * <p>Measuring walks all that waits. So it is done only when as much has been stored since the last
 * time as there was room then; making room leaves a sixteenth free.
 */
final class Eviction {
  private static final int SPARE = 16;
  private static final int TELLING = 5;
  private static final int NEXT = 100;

  private record Load(long destination, long entries, long bytes) {}

  private record Victim(long seq, String category, long occurrences, long bytes, long stored) {}

  private final Database database;
  private final Discards discards;
  private final Removal removal;
  private final Bounds bounds;
  private final Set<String> inFlight;
  private long bytesLeft;
  private long entriesLeft;

  Eviction(
      Database database, Discards discards, Removal removal, Bounds bounds, Set<String> inFlight) {
    this.database = database;
    this.discards = discards;
    this.removal = removal;
    this.bounds = bounds;
    this.inFlight = inFlight;
    database.onRollback(
        () -> {
          // What was removed is there again.
          bytesLeft = 0;
          entriesLeft = 0;
        });
  }

  /** Something was stored that waits to be sent. */
  void taken(Tx tx, long entries, long bytes, long nowMillis) throws SQLException, IOException {
    entriesLeft -= entries;
    bytesLeft -= bytes;
    if (entries > 0 && (entriesLeft < 0 || bytesLeft < 0)) {
      make(tx, nowMillis);
    }
  }

  /**
   * Evicts so many bytes.
   *
   * @return whether anything was evicted
   */
  boolean evict(Tx tx, long bytes, long nowMillis) throws SQLException, IOException {
    List<Load> loads = loads();
    long sum = loads.stream().mapToLong(Load::bytes).sum();
    long share = share(loads, Math.max(0, sum - bytes));
    for (Load load : loads) {
      if (load.bytes() > share) {
        evict(tx, load, 0, load.bytes() - share, DiscardReason.CACHE_OVERFLOW, nowMillis);
      }
    }
    return loads().stream().mapToLong(Load::bytes).sum() < sum;
  }

  private void make(Tx tx, long nowMillis) throws SQLException, IOException {
    List<Load> loads = loads();
    boolean evicted = false;
    for (Load load : loads) {
      if (load.entries() > bounds.waitingEntries()) {
        long most = bounds.waitingEntries() - bounds.waitingEntries() / SPARE;
        evict(tx, load, load.entries() - most, 0, DiscardReason.QUEUE_OVERFLOW, nowMillis);
        evicted = true;
      }
    }
    loads = evicted ? loads() : loads;
    long sum = loads.stream().mapToLong(Load::bytes).sum();
    if (sum > bounds.waitingBytes()) {
      long share = share(loads, bounds.waitingBytes() - bounds.waitingBytes() / SPARE);
      for (Load load : loads) {
        if (load.bytes() > share) {
          evict(tx, load, 0, load.bytes() - share, DiscardReason.CACHE_OVERFLOW, nowMillis);
        }
      }
      loads = loads();
      sum = loads.stream().mapToLong(Load::bytes).sum();
    }
    long most = loads.stream().mapToLong(Load::entries).max().orElse(0);
    // At least a little, where the next to be sent alone are more than the bound.
    bytesLeft = Math.max(bounds.waitingBytes() - sum, bounds.waitingBytes() / SPARE / 4);
    entriesLeft = Math.max(bounds.waitingEntries() - most, bounds.waitingEntries() / SPARE / 4);
  }

  private List<Load> loads() throws SQLException, IOException {
    return database.query(
        "SELECT destination, count(*), sum(size) FROM entries WHERE state = 0 GROUP BY 1",
        row -> new Load(row.getLong(1), row.getLong(2), row.getLong(3)));
  }

  /** The most that each may hold for all together to hold no more than that. */
  private static long share(List<Load> loads, long all) {
    long[] sizes = loads.stream().mapToLong(Load::bytes).sorted().toArray();
    long left = all;
    for (int i = 0; i < sizes.length; i++) {
      long equal = left / (sizes.length - i);
      if (sizes[i] > equal) {
        return equal;
      }
      left -= sizes[i];
    }
    return Long.MAX_VALUE;
  }

  private void evict(
      Tx tx, Load load, long entries, long bytes, DiscardReason reason, long nowMillis)
      throws SQLException, IOException {
    for (Map.Entry<String, Long> lost : evict(tx, victims(load, entries, bytes), nowMillis)) {
      discards.add(tx, load.destination(), reason, lost.getKey(), lost.getValue(), nowMillis);
    }
  }

  /** At least so many entries, or so many bytes, as far as there are. */
  private List<Victim> victims(Load load, long entries, long bytes)
      throws SQLException, IOException {
    List<Victim> victims = new ArrayList<>();
    long[] left = {bytes};
    if (entries <= 0 && bytes <= 0) {
      return victims;
    }
    database.each(
        "SELECT seq, category, occurrences, size, stored, id FROM ("
            + " SELECT id, seq, category, occurrences, size, stored, level,"
            + " row_number() OVER (PARTITION BY fold ORDER BY seq DESC) AS copy"
            + " FROM entries WHERE state = 0 AND destination = ?1)"
            + " WHERE seq NOT IN (SELECT seq FROM entries WHERE state = 0 AND destination = ?1"
            + " ORDER BY seq LIMIT ?2)"
            + " ORDER BY copy > "
            + TELLING
            + " DESC, CASE level WHEN 'debug' THEN 0 WHEN 'info' THEN 1 WHEN 'warning' THEN 2"
            + " WHEN 'fatal' THEN 4 ELSE 3 END, copy DESC, seq",
        row -> {
          if (!inFlight.contains(SqlValues.id(row.getBytes(6)))) {
            victims.add(
                new Victim(
                    row.getLong(1),
                    row.getString(2),
                    row.getLong(3),
                    row.getLong(4),
                    row.getLong(5)));
            left[0] -= row.getLong(4);
          }
          return victims.size() < entries || left[0] > 0;
        },
        load.destination(),
        Math.min(NEXT, load.entries() / 2));
    return victims;
  }

  /** What was lost, by category. */
  private Set<Map.Entry<String, Long>> evict(Tx tx, List<Victim> victims, long nowMillis)
      throws SQLException {
    Map<String, Long> lost = new HashMap<>();
    for (Victim victim : victims) {
      lost.merge(victim.category(), victim.occurrences(), Long::sum);
      removal.remove(tx, victim.seq(), victim.stored(), nowMillis);
    }
    return lost.entrySet();
  }
}

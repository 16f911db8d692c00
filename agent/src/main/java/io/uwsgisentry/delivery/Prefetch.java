package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Entry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a lane has at hand of the entries that wait in the outbox for its destination. Owned by the
 * delivery thread.
 *
 * <p>Nothing is marked in the outbox when it is fetched, so it gives the same entries again until
 * they are settled. What keeps one of them from being sent twice is remembered here: it is at hand,
 * or <b>busy</b> from its start until its outcome is stored, or <b>tried</b> until the drain that
 * it failed in ends. The next fetch leaves out all three.
 *
 * <p>What is at hand is cheap to give up, and is given up when the server is in doubt: then it is
 * to be fetched anew, by what the outbox says by that time of who waits until when.
 */
final class Prefetch {
  /** How much payload is fetched at once, at most; the entry that reaches it is the last. */
  static final int FETCHED_BYTES = 256 * 1024;

  private final Deque<Entry> atHand = new ArrayDeque<>();
  private long bytesAtHand;

  /**
   * Ids in flight, or answered and not yet settled: still ready in the outbox, not to be taken
   * again.
   */
  private final Set<String> busy = new HashSet<>();

  /** Ids that failed in this drain. */
  private final Set<String> tried = new HashSet<>();

  /** The outbox's note of what may be on its way: what is at hand and what is busy. */
  private final Set<String> underWay;

  /** The outbox had nothing more; a wake-up looks again. */
  private boolean exhausted;

  Prefetch(Set<String> underWay) {
    this.underWay = underWay;
  }

  /** The outbox may have something new. */
  void look() {
    exhausted = false;
  }

  /** A drain begins or ends: what failed before may be taken again. */
  void lookAfresh() {
    exhausted = false;
    tried.clear();
  }

  /** Whether it is no use to fetch: there is nothing more, or more at hand than may start. */
  boolean hasEnough(int allowed) {
    return exhausted || atHand.size() > allowed;
  }

  /** Ids that are not to be fetched. */
  Set<String> taken() {
    Set<String> taken = new HashSet<>(busy);
    taken.addAll(tried);
    atHand.forEach(e -> taken.add(e.id()));
    return taken;
  }

  /**
   * What the outbox gave.
   *
   * @param wanted how many it was asked for
   * @param most how many bytes of payload, at which it stops
   */
  void fetched(List<Entry> entries, int wanted, long most) {
    atHand.addAll(entries);
    long bytes = entries.stream().mapToLong(entry -> entry.payload().length).sum();
    bytesAtHand += bytes;
    exhausted = entries.size() < wanted && bytes < most;
  }

  /** Bytes of payload that are at hand. */
  long bytesAtHand() {
    return bytesAtHand;
  }

  /** The first entry that no hold is on, busy from now on; null if there is none. */
  @Nullable Entry take(RateLimitHolds holds, Instant now) {
    for (Iterator<Entry> entries = atHand.iterator(); entries.hasNext(); ) {
      Entry entry = entries.next();
      if (!holds.on(entry.category(), now)) {
        entries.remove();
        bytesAtHand -= entry.payload().length;
        busy.add(entry.id());
        return entry;
      }
    }
    return null;
  }

  /** What is at hand goes back to the outbox; what is busy stays so. */
  void giveUp() {
    atHand.forEach(entry -> underWay.remove(entry.id()));
    atHand.clear();
    bytesAtHand = 0;
    exhausted = false;
  }

  /** It failed in a drain, which tries everything once. */
  void tried(String id) {
    tried.add(id);
  }

  /** Nothing is under way with it any more; it may be taken again where it is still ready. */
  void done(String id) {
    busy.remove(id);
    underWay.remove(id);
  }

  /** Whether nothing can be started, and fetching would bring nothing. */
  boolean isExhausted() {
    return atHand.isEmpty() && exhausted;
  }

  /** Whether something is in flight, or answered and not yet settled. */
  boolean isBusy() {
    return !busy.isEmpty();
  }

  /** Whether holds are on all there is, fetched or not. */
  boolean allHeld(RateLimitHolds holds, Instant now) {
    return exhausted && atHand.stream().allMatch(e -> holds.on(e.category(), now));
  }

  /** Until something may start, or be fetched, as far as holds say. */
  Duration heldFor(RateLimitHolds holds, Instant now) {
    Duration least = atHand.isEmpty() ? holds.leftFor(RateLimits.ALL, now) : RateLimits.LONGEST;
    for (Entry entry : atHand) {
      least = RateLimits.min(least, holds.leftFor(entry.category(), now));
    }
    return least;
  }
}

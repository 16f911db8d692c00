package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.Outbox;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The lanes there are, and the look into the outbox that makes them. Owned by the delivery thread.
 */
final class Lanes implements Iterable<Lane> {
  private static final Duration KEEP_LANE = Duration.ofSeconds(60);

  /** How often the outbox is asked without a reason: while something waits there, and else. */
  private static final Duration LOOK = Duration.ofSeconds(1);

  private static final Duration LOOK_IDLE = Duration.ofSeconds(5);

  /** Later than any entry is put off. */
  private static final Duration FAR = Duration.ofDays(366);

  /** No circuit stays open for longer without a try; more is the trace of a changed clock. */
  private static final Duration LONGEST_PAUSE = Duration.ofHours(1);

  private final Outbox outbox;
  private final Clock clock;
  private final RetryPolicy policy;
  private final ClientReports reports;
  private final List<Lane> lanes = new ArrayList<>();
  private boolean hurried;

  Lanes(Outbox outbox, Clock clock, RetryPolicy policy, ClientReports reports) {
    this.outbox = outbox;
    this.clock = clock;
    this.policy = policy;
    this.reports = reports;
  }

  /**
   * Sees what waits in the outbox, and for whom.
   *
   * @return when to look again without a reason
   */
  long look(long nanos) throws IOException {
    Instant now = clock.instant();
    Instant due = due(now);
    List<String> keys = outbox.queue().destinationsReady(due);
    List<String> toTell = outbox.queue().reportsDue();
    reports.waiting(toTell, nanos);
    for (String key : keys) {
      lane(key, nanos, now).look();
    }
    for (String key : toTell) {
      if (reports.due(key, nanos)) {
        lane(key, nanos, now);
      }
    }
    for (Lane lane : lanes) {
      if (lane.openCircuit() != null) {
        Optional<OpenCircuit> stored = outbox.queue().circuit(lane.key());
        if (stored.isPresent() && !stored.get().next().isAfter(now)) {
          lane.probe(stored.get(), nanos);
        }
      }
    }
    Optional<Instant> next = outbox.queue().nextReady();
    Duration wait = keys.isEmpty() && next.isEmpty() && toTell.isEmpty() ? LOOK_IDLE : LOOK;
    if (next.isPresent() && next.get().isAfter(due)) {
      wait = RateLimits.min(wait, Duration.between(due, next.get()).plusMillis(1));
    }
    return nanos + wait.toNanos();
  }

  /** The lane of that destination, made if it is missing. */
  private Lane lane(String key, long nanos, Instant now) throws IOException {
    Lane known = find(key);
    if (known != null) {
      return known;
    }
    OpenCircuit openCircuit = outbox.queue().circuit(key).orElse(null);
    Lane lane =
        new Lane(
            key, outbox.queue().holds(key), openCircuit, outbox.queue().inFlight(), policy, nanos);
    if (openCircuit != null && openCircuit.next().isAfter(now)) {
      Duration wait = RateLimits.min(Duration.between(now, openCircuit.next()), LONGEST_PAUSE);
      lane.openUntil(nanos + wait.toNanos());
    }
    lanes.add(lane);
    if (hurried) {
      lane.beginDrain(nanos);
    }
    return lane;
  }

  private @Nullable Lane find(String key) {
    for (Lane lane : lanes) {
      if (lane.key().equals(key)) {
        return lane;
      }
    }
    return null;
  }

  /** What counts as due: in a drain everything. */
  Instant due(Instant now) {
    return hurried ? now.plus(FAR) : now;
  }

  /** Whether nothing in the outbox is to be sent, now or later. */
  boolean nothingLeft() throws IOException {
    return outbox.queue().destinationsReady(clock.instant().plus(FAR)).isEmpty();
  }

  void beginDrain(long nanos) {
    hurried = true;
    reports.beginDrain(nanos);
    lanes.forEach(lane -> lane.beginDrain(nanos));
  }

  void endDrain() {
    hurried = false;
    reports.endDrain();
    lanes.forEach(Lane::endDrain);
  }

  /** Whether a drain can expect nothing more. */
  boolean over(long nanos, Instant now) {
    return lanes.stream()
        .allMatch(
            lane ->
                lane.over(now) && !(reports.due(lane.key(), nanos) && lane.mayReport(nanos, now)));
  }

  /** Where there is not a thread for each lane, the next turn begins with another. */
  void rotate() {
    Collections.rotate(lanes, -1);
  }

  /** Forgets the lanes that have long had nothing to do. */
  void retire(long nanos, Consumer<Lane> forget) {
    for (Iterator<Lane> each = lanes.iterator(); each.hasNext(); ) {
      Lane lane = each.next();
      if (lane.idle(nanos, KEEP_LANE)) {
        forget.accept(lane);
        each.remove();
      }
    }
  }

  @Override
  public Iterator<Lane> iterator() {
    return lanes.iterator();
  }
}

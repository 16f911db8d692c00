package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What came of sending and is not yet in the outbox. A transaction costs as much as sending an
 * event, so they are collected: until there are many, or a moment has passed, or nothing else is
 * under way. If the agent dies in that moment, the same events are sent again under the same ids.
 * Owned by the delivery thread.
 */
final class Settlements {
  private static final int MANY = 64;
  private static final long MOMENT = Duration.ofMillis(25).toNanos();

  private record Answered(Lane lane, Settlement settlement) {}

  private record Hold(String destinationKey, String category, Instant until) {}

  private final Outbox outbox;
  private final List<Answered> answered = new ArrayList<>();
  private final List<Hold> holds = new ArrayList<>();
  private long since;

  Settlements(Outbox outbox) {
    this.outbox = outbox;
  }

  void add(Lane lane, Lane.Verdict verdict, long nanos) {
    if (isEmpty()) {
      since = nanos;
    }
    verdict.holds().forEach((category, until) -> holds.add(new Hold(lane.key(), category, until)));
    if (verdict.settlement() != null) {
      answered.add(new Answered(lane, verdict.settlement()));
    }
  }

  boolean isEmpty() {
    return answered.isEmpty() && holds.isEmpty();
  }

  /** How long they may wait, in nanoseconds; 0 if there are many. */
  long patience(long nanos) {
    return answered.size() >= MANY ? 0 : Math.max(0, since + MOMENT - nanos);
  }

  /** Stores them. Where the outbox fails, they are kept for the next call. */
  void store() throws IOException {
    for (Hold hold : holds) {
      outbox.hold(hold.destinationKey(), hold.category(), hold.until());
    }
    holds.clear();
    if (!answered.isEmpty()) {
      outbox.settle(answered.stream().map(Answered::settlement).toList());
      answered.forEach(a -> a.lane().settled(a.settlement().id()));
      answered.clear();
    }
  }
}

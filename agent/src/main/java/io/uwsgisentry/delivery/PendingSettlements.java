package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Discarded;
import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of sending and is not yet in the outbox. A transaction costs as much as sending an
 * event, so they are collected: until there are many, or a moment has passed, or nothing else is
 * under way. If the agent dies in that moment, the same events are sent again under the same ids.
 * Owned by the delivery thread.
 */
final class PendingSettlements {
  private static final int MANY = 64;
  private static final long MOMENT = Duration.ofMillis(25).toNanos();

  private record Answered(Lane lane, Settlement settlement) {}

  private record Hold(String destinationKey, String category, Instant until) {}

  private record Circuit(Lane lane, @Nullable OpenCircuit openCircuit) {}

  private final Outbox outbox;
  private final List<Answered> answered = new ArrayList<>();
  private final List<Hold> holds = new ArrayList<>();
  private final List<Circuit> circuits = new ArrayList<>();
  private final Map<String, List<Discarded>> reported = new HashMap<>();
  private long since;

  PendingSettlements(Outbox outbox) {
    this.outbox = outbox;
  }

  void add(Lane lane, Lane.Verdict verdict, long nanos) {
    if (isEmpty()) {
      since = nanos;
    }
    verdict.holds().forEach((category, until) -> holds.add(new Hold(lane.key(), category, until)));
    if (verdict.circuitChanged()) {
      circuits.add(new Circuit(lane, lane.openCircuit()));
    }
    if (verdict.settlement() != null) {
      answered.add(new Answered(lane, verdict.settlement()));
    }
    verdict.certain().forEach(settlement -> answered.add(new Answered(lane, settlement)));
  }

  /** The lane's server took a report of these. */
  void addReport(Lane lane, List<Discarded> told, long nanos) {
    if (isEmpty()) {
      since = nanos;
    }
    reported.put(lane.key(), told);
  }

  boolean isEmpty() {
    return answered.isEmpty() && holds.isEmpty() && circuits.isEmpty() && reported.isEmpty();
  }

  /** How long they may wait, in nanoseconds; 0 if there are many. */
  long patience(long nanos) {
    return answered.size() >= MANY ? 0 : Math.max(0, since + MOMENT - nanos);
  }

  /** Stores them. Where the outbox fails, they are kept for the next call. */
  void store() throws IOException {
    for (Hold hold : holds) {
      outbox.queue().hold(hold.destinationKey(), hold.category(), hold.until());
    }
    holds.clear();
    for (Map.Entry<String, List<Discarded>> report : List.copyOf(reported.entrySet())) {
      outbox.queue().reported(report.getKey(), report.getValue());
      reported.remove(report.getKey());
    }
    if (!answered.isEmpty()) {
      outbox.queue().settle(answered.stream().map(Answered::settlement).toList());
      answered.forEach(a -> a.lane().settled(a.settlement().id()));
      answered.clear();
    }
    for (Circuit circuit : circuits) {
      OpenCircuit openCircuit = circuit.openCircuit();
      if (openCircuit == null) {
        outbox.queue().closeCircuit(circuit.lane().key());
        circuit.lane().look();
      } else {
        outbox.queue().openCircuit(circuit.lane().key(), openCircuit);
      }
    }
    circuits.clear();
  }
}

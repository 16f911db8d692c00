package io.uwsgisentry.delivery;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is to be done now, and how long nothing will be: the delivery thread's work, turn by turn.
 * All that it decides with is here and owned by that thread; only {@link #end}, {@link #interrupt}
 * and {@link #sending} may be called from any other.
 *
 * <p><b>A turn</b> stores what was answered if it is time, looks into the outbox if it is time, and
 * lets the lanes start what they may: one request each a round, so that they share what threads
 * there are. Its time comes with a message or when {@link #idleNanos} is over, whichever is first;
 * that number must therefore count all that a turn could act on, and nothing that it could not,
 * else the thread sleeps past something or spins.
 *
 * <p><b>Nothing is fetched or told while an answer to it waits to be stored</b>: it would be read
 * once more only to be left out, or told twice.
 *
 * <p><b>An outbox that fails</b> is left alone for a second, and everything else with it, but for
 * the answers that come in and the end of a drain: a drain's caller waits no longer than it said.
 */
final class DeliveryLoop {
  private static final Duration AFTER_OUTBOX_FAILURE = Duration.ofSeconds(1);

  private record Drain(long end, CompletableFuture<Boolean> empty) {}

  private final Outbox outbox;
  private final Clock clock;
  private final Log log;
  private final Consumer<Lane.Ticket> send;
  private final LaneLog laneLog;
  private final SenderThreads senders;
  private final Lanes lanes;
  private final ClientReports reports;
  private final PendingSettlements settlements;
  private final long mostAtHand;
  private long lookAt;
  private @Nullable Drain drain;

  /** The outbox failed: nothing is asked of it before {@link #lookAt}. */
  private boolean outboxFailing;

  private volatile boolean closing;
  private volatile boolean sending;

  /**
   * @param most requests under way at once
   * @param mostBytes of memory for these, about, and half as much again for what lanes have at hand
   * @param send sends the ticket's parcel, in a thread of the senders, and has {@link #done} called
   * @param giveUp ends what is being sent
   */
  DeliveryLoop(
      Outbox outbox,
      Clock clock,
      Log log,
      RetryPolicy policy,
      int most,
      long mostBytes,
      Consumer<Lane.Ticket> send,
      Runnable giveUp) {
    this.outbox = outbox;
    this.clock = clock;
    this.log = log;
    this.send = send;
    this.laneLog = new LaneLog(log);
    this.senders = new SenderThreads(most, mostBytes, giveUp);
    this.mostAtHand = mostBytes / 2;
    this.settlements = new PendingSettlements(outbox);
    this.reports = new ClientReports(outbox, clock, policy);
    this.lanes = new Lanes(outbox, clock, policy, reports);
  }

  /** The outbox may have something new. */
  void look() {
    if (!outboxFailing) {
      lookAt = System.nanoTime();
    }
  }

  /**
   * From now on everything that waits is tried once.
   *
   * @param end as {@link System#nanoTime}
   * @param empty is told at the end whether nothing is left
   */
  void drain(long end, CompletableFuture<Boolean> empty) {
    drain = new Drain(end, empty);
    lookAt = System.nanoTime();
    lanes.beginDrain(lookAt);
  }

  /** There will be no more turns: a drain that is on has failed. */
  void abandonDrain() {
    if (drain != null) {
      drain.empty().complete(false);
    }
  }

  /**
   * Begins no request any more, waits that long for those in flight, then gives up the rest. From
   * any thread.
   */
  void end(Duration patience) throws InterruptedException {
    closing = true;
    senders.end(patience);
  }

  /** Begins no request any more and gives up those in flight. From any thread. */
  void interrupt() {
    closing = true;
    senders.interrupt();
  }

  /** Whether a request was in flight after the last turn. From any thread. */
  boolean sending() {
    return sending;
  }

  /** Everything that can be done now. */
  void turn() {
    try {
      if (!outboxFailing || lookAt - System.nanoTime() <= 0) {
        advance();
      } else if (drain != null && drain.end() - System.nanoTime() <= 0) {
        drainOver(drain, false);
      }
    } catch (IOException e) {
      outboxFailed(e);
    }
  }

  /** Stores what was answered. */
  void store() {
    try {
      settlements.store();
    } catch (IOException e) {
      outboxFailed(e);
    }
  }

  private void advance() throws IOException {
    long nanos = System.nanoTime();
    if (senders.areFree() || settlements.patience(nanos) == 0) {
      settlements.store();
    }
    if (lookAt - nanos <= 0) {
      lookAt = lanes.look(nanos);
    }
    Instant now = clock.instant();
    boolean started = true;
    while (started && !closing) {
      started = false;
      // One request a lane in each round, so that they share what threads there are.
      for (Lane lane : lanes) {
        if (senders.admit(lane)) {
          started |= start(lane, nanos, now);
        } else if (!senders.hasThread(lane)
            && lane.inFlight() == 0
            && lane.idleFor(nanos, now) <= 0) {
          laneLog.takesTurns(senders.most(), nanos);
        }
      }
    }
    sending = !senders.areFree();
    lanes.rotate();
    lanes.retire(nanos, lane -> laneLog.forget(lane.key()));
    if (drain != null && (drain.end() - nanos <= 0 || lanes.over(nanos, now))) {
      endDrain(drain);
    }
    if (outboxFailing) {
      outboxFailing = false;
      log.info("the outbox works again");
    }
  }

  private boolean start(Lane lane, long nanos, Instant now) throws IOException {
    if (reports.due(lane.key(), nanos) && lane.mayReport(nanos, now)) {
      // First, so that what was told is not told again.
      settlements.store();
      Outgoing.OfReport report = reports.take(lane.key());
      if (report != null) {
        senders.start(lane.report(report, nanos), send);
        return true;
      }
    }
    int wanted = lane.wanted(nanos, now);
    if (wanted > 0 && mayFetch()) {
      // First, so that what is answered need not be read again only to be left out.
      settlements.store();
      // Room for several more, since who comes first would else have it all.
      long bytes = Math.max(1, Math.min(Prefetch.FETCHED_BYTES, room() / 8));
      lane.fetched(fetch(lane, wanted, bytes, now), wanted, bytes);
    }
    Lane.Ticket ticket = lane.start(nanos, now);
    if (ticket == null) {
      return false;
    }
    senders.start(ticket, send);
    return true;
  }

  /** Where nothing is under way nothing else would make room. */
  private boolean mayFetch() {
    return senders.areFree() || room() > 0;
  }

  /** How many bytes more the lanes may have at hand. */
  private long room() {
    long left = mostAtHand;
    for (Lane lane : lanes) {
      left -= lane.bytesAtHand();
    }
    return left;
  }

  private List<Entry> fetch(Lane lane, int wanted, long bytes, Instant now) throws IOException {
    Instant due = lanes.due(now);
    while (true) {
      List<Entry> entries =
          outbox
              .queue()
              .toSend(
                  () ->
                      lane.proven()
                          ? outbox.queue().ready(lane.key(), due, wanted, bytes, lane.taken())
                          : outbox.queue().probe(lane.key(), due, lane.whereToTry(), lane.taken()));
      List<Settlement> dropMissingPayloads =
          entries.stream()
              .filter(entry -> entry.payload().length == 0)
              .map(entry -> dropMissingPayloads(entry, now))
              .toList();
      if (dropMissingPayloads.isEmpty()) {
        return entries;
      }
      entries.forEach(entry -> outbox.queue().inFlight().remove(entry.id()));
      outbox.queue().settle(dropMissingPayloads);
    }
  }

  /** Nobody knows what it was; the others are not to wait for that. */
  private Settlement dropMissingPayloads(Entry entry, Instant now) {
    String fault = "the event itself is missing in the database";
    log.warn("event " + entry.id() + " is kept as dead: " + fault + ". Check the disk");
    return new Settlement.Dead(entry.id(), DiscardReason.INTERNAL_SDK_ERROR, fault, now);
  }

  /** The outcome of a ticket that was given out to be sent. */
  void done(Lane.Ticket ticket, Outcome outcome) {
    senders.done(ticket);
    long nanos = System.nanoTime();
    Lane lane = ticket.lane();
    Instant now = clock.instant();
    Lane.Verdict verdict = lane.done(ticket, outcome, nanos, now);
    settlements.add(lane, verdict, nanos);
    if (verdict.settlement() instanceof Settlement.Retry retry && !outboxFailing) {
      long due = nanos + Duration.between(now, retry.notBefore()).plusMillis(1).toNanos();
      lookAt = due - lookAt < 0 ? due : lookAt;
    }
    if (ticket.outgoing() instanceof Outgoing.OfReport report) {
      reports.done(lane.key(), outcome instanceof Outcome.Denied, nanos);
      // What a server refuses it will refuse again; the numbers stay in our own status.
      if (outcome instanceof Outcome.Delivered || outcome instanceof Outcome.Refused) {
        settlements.addReport(lane, report.told(), nanos);
      }
    }
    laneLog.outcome(ticket, outcome, nanos);
    for (Settlement settlement : verdict.certain()) {
      if (settlement instanceof Settlement.Dead dead) {
        laneLog.givenUp(ticket, dead, nanos);
      }
    }
  }

  private void endDrain(Drain ending) throws IOException {
    settlements.store();
    drainOver(ending, lanes.nothingLeft());
  }

  private void drainOver(Drain ending, boolean empty) {
    lanes.endDrain();
    drain = null;
    ending.empty().complete(empty);
  }

  private void outboxFailed(IOException failure) {
    if (!outboxFailing) {
      log.error("the outbox fails, delivery waits: " + failure.getMessage() + ". Check the disk");
    }
    outboxFailing = true;
    lookAt = System.nanoTime() + AFTER_OUTBOX_FAILURE.toNanos();
  }

  /** How long nothing will have to be done unless a message comes. */
  long idleNanos() {
    long nanos = System.nanoTime();
    long idle = lookAt - nanos;
    if (!outboxFailing) {
      Instant now = clock.instant();
      boolean mayFetch = mayFetch();
      for (Lane lane : lanes) {
        if (senders.admit(lane) && (mayFetch || lane.bytesAtHand() > 0)) {
          idle = Math.min(idle, lane.idleFor(nanos, now));
          if (lane.mayReport(nanos, now)) {
            idle = Math.min(idle, reports.idleFor(lane.key(), nanos));
          }
        }
      }
      if (!settlements.isEmpty()) {
        idle = Math.min(idle, settlements.patience(nanos));
      }
    }
    if (drain != null) {
      idle = Math.min(idle, drain.end() - nanos);
    }
    return Math.max(0, idle);
  }
}

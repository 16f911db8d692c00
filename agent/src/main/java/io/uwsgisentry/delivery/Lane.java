package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.Settlement;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The way to one destination: how much is sent there at once, when, and what follows from an
 * outcome. What is about to be sent is its {@link Prefetch}, what is known of the server its {@link
 * CircuitBreaker}. It neither sends nor stores; the delivery thread owns it, asks it what to start
 * and tells it what came back.
 *
 * <p><b>Careful until proven.</b> At the start and after every failure a lane has one request in
 * flight, and {@link RetryPolicy#spacing} between two, until the server takes one (2xx). Each 2xx
 * then allows one more, up to {@link RetryPolicy#window}. So a server that comes back is not met by
 * all that waited for it.
 *
 * <p><b>Backoff is the lane's.</b> A failure says something about the server, so everything for it
 * waits. The entry that failed waits a little longer than its lane: if the fault is the entry's (a
 * server that fails on this one event), the next try is another's, and nothing starves behind it.
 *
 * <p><b>One failure, not eight.</b> When a server goes, all that is in flight fails. Only the first
 * of these counts: requests carry the number of the failure they were started after, and what comes
 * back with an old number changes its own entry only.
 *
 * <p><b>Holds</b> (rate limits, {@code Retry-After}) are the server's words: kept in the outbox
 * over restarts, and not even a drain ignores them.
 *
 * <p><b>An open circuit</b> (401, 403, 404) is the configuration's fault, not the events':
 * everything waits ({@link OpenCircuit}), and a few entries try it one after the other, less and
 * less often, until one is accepted ({@link CircuitBreaker}). Then, and not before, it is known
 * that those that were denied just before were denied for what is in them.
 *
 * <p><b>Who tries a server in doubt.</b> Not always the oldest: if it denies only some, these may
 * stand together. So each try in a row takes another part of the queue, {@link #whereToTry}.
 */
final class Lane {
  /**
   * A request in flight.
   *
   * @param proven whether the lane was when it started
   */
  record Ticket(Lane lane, Outgoing outgoing, int epoch, boolean proven) {}

  /**
   * What follows from an outcome.
   *
   * @param settlement null if the entry simply stays ready
   * @param certain what is known by it of entries that were denied before
   * @param holds to be stored, by category
   * @param circuitChanged whether the lane's {@link #openCircuit()} has changed and is to be stored
   */
  record Verdict(
      @Nullable Settlement settlement,
      List<Settlement> certain,
      Map<String, Instant> holds,
      boolean circuitChanged) {}

  private static final int MOST_AT_HAND = 64;

  private final String key;
  private final RetryPolicy policy;
  private final RateLimitHolds holds;
  private final Prefetch prefetch;
  private final CircuitBreaker circuit;
  private final DeniedEntries deniedEntries = new DeniedEntries();

  private int inFlight;
  private long lastStart;
  private long lastUse;

  /** A drain is on. */
  private boolean hurried;

  /** The server cannot be reached, which is all a drain needs to know. */
  private boolean givenUp;

  /**
   * @param holds as stored, by category
   * @param openCircuit as stored
   * @param underWay ids of what may be on its way, of all lanes; this one takes its own out
   * @param nanos now, as {@link System#nanoTime}
   */
  Lane(
      String key,
      Map<String, Instant> holds,
      @Nullable OpenCircuit openCircuit,
      Set<String> underWay,
      RetryPolicy policy,
      long nanos) {
    this.key = key;
    this.prefetch = new Prefetch(underWay);
    this.policy = policy;
    this.holds = new RateLimitHolds(holds);
    this.circuit = new CircuitBreaker(policy, openCircuit, nanos);
    this.lastStart = nanos - policy.spacing().toNanos();
    this.lastUse = nanos;
  }

  String key() {
    return key;
  }

  boolean proven() {
    return circuit.proven();
  }

  @Nullable OpenCircuit openCircuit() {
    return circuit.openCircuit();
  }

  /**
   * Somebody may have mended what the server refused, as the outbox says: it is asked once more.
   */
  void probe(OpenCircuit stored, long nanos) {
    if (inFlight == 0 && circuit.probe(stored, nanos)) {
      prefetch.look();
    }
  }

  /** The circuit is open: nothing is sent before that time. */
  void openUntil(long until) {
    circuit.resume(until);
  }

  int inFlight() {
    return inFlight;
  }

  /** The outbox may have something new. */
  void look() {
    prefetch.look();
  }

  /**
   * From now on everything is tried once, whatever it was waiting for, but for what the server
   * asked.
   */
  void beginDrain(long nanos) {
    hurried = true;
    givenUp = false;
    prefetch.lookAfresh();
    circuit.resume(nanos);
  }

  void endDrain() {
    hurried = false;
    givenUp = false;
    prefetch.lookAfresh();
  }

  /** How many entries to fetch now, 0 for none. */
  int wanted(long nanos, Instant now) {
    boolean soon = circuit.proven() || inFlight == 0;
    if (!soon || prefetch.hasEnough(circuit.allowed()) || waits(nanos, now)) {
      return 0;
    }
    return circuit.proven() ? MOST_AT_HAND : 1;
  }

  /**
   * Which part of what waits the next try is to come from while the server is in doubt: 0 the
   * oldest, 1 the newest, then what is halfway between those that were tried.
   */
  double whereToTry() {
    int tries = circuit.doubts();
    if (tries <= 1) {
      return tries;
    }
    double where = 0;
    double step = 0.5;
    for (int n = (tries - 2) % MOST_AT_HAND + 1; n > 0; n >>= 1, step /= 2) {
      where += (n & 1) * step;
    }
    return where;
  }

  /** Ids that are not to be fetched. */
  Set<String> taken() {
    return prefetch.taken();
  }

  /**
   * @param most bytes of payload at which it stopped
   */
  void fetched(List<Entry> entries, int wanted, long most) {
    prefetch.fetched(entries, wanted, most);
  }

  /** Bytes of payload that are at hand, and not in flight. */
  long bytesAtHand() {
    return prefetch.bytesAtHand();
  }

  /** The next request to make now, or null. */
  @Nullable Ticket start(long nanos, Instant now) {
    if (inFlight >= circuit.allowed() || waits(nanos, now)) {
      return null;
    }
    Entry entry = prefetch.take(holds, now);
    return entry == null ? null : ticket(new Outgoing.OfEvent(entry), nanos);
  }

  /**
   * Whether a client report may be sent now. An open circuit is tried with events: a report may be
   * accepted where they are not.
   */
  boolean mayReport(long nanos, Instant now) {
    return inFlight < circuit.allowed()
        && (circuit.openCircuit() == null || prefetch.isExhausted())
        && !waits(nanos, now)
        && !holds.on(ClientReports.CATEGORY, now);
  }

  /** The request for a report that {@link #mayReport}. */
  Ticket report(Outgoing.OfReport report, long nanos) {
    return ticket(report, nanos);
  }

  private Ticket ticket(Outgoing outgoing, long nanos) {
    inFlight++;
    lastStart = nanos;
    lastUse = nanos;
    return new Ticket(this, outgoing, circuit.epoch(), circuit.proven());
  }

  /** What an outcome means for the lane and for the entry. */
  Verdict done(Ticket ticket, Outcome outcome, long nanos, Instant now) {
    inFlight--;
    lastUse = nanos;
    Map<String, Instant> asked = new HashMap<>();
    outcome.limits().forEach((category, wait) -> asked.put(category, now.plus(wait)));
    Outgoing outgoing = ticket.outgoing();
    OpenCircuit before = circuit.openCircuit();
    Settlement settlement;
    List<Settlement> certain = List.of();
    if (outcome instanceof Outcome.Delivered delivered) {
      // A server that denies events may accept reports.
      if (isCurrent(ticket) && !(outgoing instanceof Outgoing.OfReport && circuit.isOpen())) {
        certain = deniedEntries.butFor(outgoing.id(), now);
        circuit.taken();
      }
      settlement = new Settlement.Delivered(outgoing.id(), now, delivered.status());
    } else if (outcome instanceof Outcome.Limited) {
      careful();
      settlement = null;
    } else if (outcome instanceof Outcome.Denied denied) {
      // A server that denies reports may accept events.
      settlement =
          outgoing instanceof Outgoing.OfReport ? null : denied(ticket, denied, nanos, now);
    } else if (outcome instanceof Outcome.TooLarge large && large.smaller() != null) {
      settlement = new Settlement.Smaller(outgoing.id(), large.smaller(), large.words());
    } else if (outcome instanceof Outcome.Refused || outcome instanceof Outcome.TooLarge) {
      settlement = dead(outgoing, DiscardReason.SEND_ERROR, outcome, now);
    } else if (outcome instanceof Outcome.Unsendable) {
      settlement = dead(outgoing, DiscardReason.INTERNAL_SDK_ERROR, outcome, now);
    } else {
      settlement = failed(ticket, outcome, asked, nanos, now);
    }
    holds.add(asked);
    if (outgoing instanceof Outgoing.OfReport) {
      settlement = null;
    } else if (settlement == null) {
      prefetch.done(outgoing.id());
    }
    return new Verdict(settlement, certain, asked, !Objects.equals(circuit.openCircuit(), before));
  }

  /** The entry is settled in the outbox. */
  void settled(String id) {
    prefetch.done(id);
  }

  /** Whether nothing has failed since it was sent. */
  private boolean isCurrent(Ticket ticket) {
    return ticket.epoch() == circuit.epoch();
  }

  private void careful() {
    circuit.doubt();
    prefetch.giveUp();
  }

  private static Settlement dead(
      Outgoing outgoing, DiscardReason reason, Outcome outcome, Instant now) {
    return new Settlement.Dead(outgoing.id(), reason, outcome.words(), now);
  }

  /**
   * It stays ready, and waits: longer than the server is left alone, and in any case while others
   * show whether it was for what is in it.
   */
  private Settlement denied(Ticket ticket, Outcome.Denied denied, long nanos, Instant now) {
    Outgoing outgoing = ticket.outgoing();
    if (isCurrent(ticket)) {
      careful();
      if (circuit.denied(denied, nanos, now)) {
        deniedEntries.forget();
      }
      if (circuit.refusesAll()) {
        deniedEntries.forget();
        givenUp |= hurried;
      }
    }
    if (!circuit.refusesAll()) {
      deniedEntries.add(outgoing, denied.words());
    }
    if (hurried) {
      prefetch.tried(outgoing.id());
    }
    Instant next = now.plus(policy.probe(outgoing.denials() + 1));
    OpenCircuit openCircuit = circuit.openCircuit();
    if (openCircuit != null) {
      next = RateLimitHolds.later(next, openCircuit.next().plus(policy.spacing()));
    }
    return new Settlement.Retry(outgoing.id(), next, denied.words());
  }

  private Settlement failed(
      Ticket ticket, Outcome outcome, Map<String, Instant> asked, long nanos, Instant now) {
    Outgoing outgoing = ticket.outgoing();
    Duration wait = policy.backoff(outgoing.attempts() + 1);
    if (isCurrent(ticket)) {
      careful();
      // The last round tries each once whatever came of the others, so many failures in a row say
      // nothing about the server's health, and the next agent's entries are not to wait for them.
      if (!hurried) {
        Duration pause = circuit.failed(nanos);
        wait = RateLimits.max(wait, pause.plus(policy.spacing()));
      }
    }
    if (outcome instanceof Outcome.Failing failing && failing.pause() != null) {
      Duration told = RateLimits.min(failing.pause(), RateLimits.LONGEST);
      asked.merge(RateLimits.ALL, now.plus(told), RateLimitHolds::later);
      wait = RateLimits.max(wait, told);
    }
    if (hurried) {
      prefetch.tried(outgoing.id());
      circuit.resume(nanos);
      // Without an answer the others would fare no better, and time is short.
      givenUp |= outcome instanceof Outcome.Unreachable;
    }
    return new Settlement.Retry(outgoing.id(), now.plus(wait), outcome.words());
  }

  private boolean waits(long nanos, Instant now) {
    return givenUp || startAt() - nanos > 0 || holds.all(now);
  }

  private long startAt() {
    long spaced = lastStart + policy.spacing().toNanos();
    long resumeAt = circuit.resumeAt();
    return circuit.proven() || resumeAt - spaced > 0 ? resumeAt : spaced;
  }

  /**
   * In how many nanoseconds there may be something to do without an outcome or a wake-up; {@link
   * Long#MAX_VALUE} for never.
   */
  long idleFor(long nanos, Instant now) {
    if (givenUp || inFlight >= circuit.allowed() || prefetch.isExhausted()) {
      return Long.MAX_VALUE;
    }
    return Math.max(startAt() - nanos, prefetch.heldFor(holds, now).toNanos());
  }

  /** Whether a drain can expect nothing more of it. */
  boolean over(Instant now) {
    return inFlight == 0 && (givenUp || holds.all(now) || prefetch.allHeld(holds, now));
  }

  /**
   * Whether nothing would be lost with it; what it has learned of its server is worth keeping for a
   * while.
   */
  boolean idle(long nanos, Duration keep) {
    return inFlight == 0
        && !prefetch.isBusy()
        && prefetch.isExhausted()
        && circuit.resumeAt() - nanos <= 0
        && nanos - lastUse > keep.toNanos();
  }
}

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
 * Health}. It neither sends nor stores; the delivery thread owns it, asks it what to start and
 * tells it what came back.
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
 * <p><b>A closed door</b> (401, 403, 404) is nobody's fault but the configuration's: everything
 * waits ({@link OpenCircuit}), and a few entries try it one after the other, ever more seldom,
 * until one is taken ({@link CircuitBreaker}). Then, and not before, it is known of those that were
 * turned away just before that it was for what is in them.
 *
 * <p><b>Who tries a server in doubt.</b> Not always the oldest: if it takes offence at some, these
 * may stand together. So each try in a row takes another part of the queue, {@link #whereToTry}.
 */
final class Lane {
  /**
   * A request in flight.
   *
   * @param proven whether the lane was when it started
   */
  record Ticket(Lane lane, Outgoing parcel, int epoch, boolean proven) {}

  /**
   * What follows from an outcome.
   *
   * @param settlement null if the entry simply stays ready
   * @param certain what is known by it of entries that were turned away before
   * @param holds to be stored, by category
   * @param door whether the lane's {@link #breaker()} has changed and is to be stored
   */
  record Verdict(
      @Nullable Settlement settlement,
      List<Settlement> certain,
      Map<String, Instant> holds,
      boolean door) {}

  private static final int MOST_AT_HAND = 64;

  private final String key;
  private final RetryPolicy pace;
  private final RateLimitHolds holds;
  private final Prefetch supply;
  private final CircuitBreaker health;
  private final DeniedEntries suspects = new DeniedEntries();

  private int inFlight;
  private long lastStart;
  private long lastUse;

  /** A drain is on. */
  private boolean hurried;

  /** The server cannot be reached, which is all a drain needs to know. */
  private boolean givenUp;

  /**
   * @param holds as stored, by category
   * @param breaker as stored
   * @param underWay ids of what may be on its way, of all lanes; this one takes its own out
   * @param nanos now, as {@link System#nanoTime}
   */
  Lane(
      String key,
      Map<String, Instant> holds,
      @Nullable OpenCircuit breaker,
      Set<String> underWay,
      RetryPolicy pace,
      long nanos) {
    this.key = key;
    this.supply = new Prefetch(underWay);
    this.pace = pace;
    this.holds = new RateLimitHolds(holds);
    this.health = new CircuitBreaker(pace, breaker, nanos);
    this.lastStart = nanos - pace.spacing().toNanos();
    this.lastUse = nanos;
  }

  String key() {
    return key;
  }

  boolean proven() {
    return health.proven();
  }

  @Nullable OpenCircuit breaker() {
    return health.breaker();
  }

  /**
   * Somebody may have mended what the server refused, as the outbox says: it is asked once more.
   */
  void probe(OpenCircuit stored, long nanos) {
    if (inFlight == 0 && health.probe(stored, nanos)) {
      supply.look();
    }
  }

  /** Waits until then before it asks a server that let nobody in. */
  void park(long until) {
    health.resume(until);
  }

  int inFlight() {
    return inFlight;
  }

  /** The outbox may have something new. */
  void look() {
    supply.look();
  }

  /**
   * From now on everything is tried once, whatever it was waiting for, but for what the server
   * asked.
   */
  void hurry(long nanos) {
    hurried = true;
    givenUp = false;
    supply.lookAfresh();
    health.resume(nanos);
  }

  void calm() {
    hurried = false;
    givenUp = false;
    supply.lookAfresh();
  }

  /** How many entries to fetch now, 0 for none. */
  int wanted(long nanos, Instant now) {
    boolean soon = health.proven() || inFlight == 0;
    if (!soon || supply.suffices(health.allowed()) || waits(nanos, now)) {
      return 0;
    }
    return health.proven() ? MOST_AT_HAND : 1;
  }

  /**
   * Which part of what waits the next try is to come from while the server is in doubt: 0 the
   * oldest, 1 the newest, then what is halfway between those that were tried.
   */
  double whereToTry() {
    int tries = health.doubts();
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
    return supply.taken();
  }

  /**
   * @param most bytes of payload at which it stopped
   */
  void fetched(List<Entry> entries, int wanted, long most) {
    supply.fetched(entries, wanted, most);
  }

  /** Bytes of payload that are at hand, and not in flight. */
  long bytesAtHand() {
    return supply.bytesAtHand();
  }

  /** The next request to make now, or null. */
  @Nullable Ticket start(long nanos, Instant now) {
    if (inFlight >= health.allowed() || waits(nanos, now)) {
      return null;
    }
    Entry entry = supply.take(holds, now);
    return entry == null ? null : ticket(new Outgoing.OfEvent(entry), nanos);
  }

  /**
   * Whether a client report may be sent now. A closed door is tried with events: a report may be
   * taken where they are not.
   */
  boolean mayReport(long nanos, Instant now) {
    return inFlight < health.allowed()
        && (health.breaker() == null || supply.isSpent())
        && !waits(nanos, now)
        && !holds.on(ClientReports.CATEGORY, now);
  }

  /** The request for a report that {@link #mayReport}. */
  Ticket report(Outgoing.OfReport report, long nanos) {
    return ticket(report, nanos);
  }

  private Ticket ticket(Outgoing parcel, long nanos) {
    inFlight++;
    lastStart = nanos;
    lastUse = nanos;
    return new Ticket(this, parcel, health.epoch(), health.proven());
  }

  /** What an outcome means for the lane and for the entry. */
  Verdict done(Ticket ticket, Outcome outcome, long nanos, Instant now) {
    inFlight--;
    lastUse = nanos;
    Map<String, Instant> asked = new HashMap<>();
    outcome.limits().forEach((category, wait) -> asked.put(category, now.plus(wait)));
    Outgoing parcel = ticket.parcel();
    OpenCircuit before = health.breaker();
    Settlement settlement;
    List<Settlement> certain = List.of();
    if (outcome instanceof Outcome.Delivered delivered) {
      // A server that lets no events in may take reports.
      if (isCurrent(ticket) && !(parcel instanceof Outgoing.OfReport && health.closed())) {
        certain = suspects.butFor(parcel.id(), now);
        health.taken();
      }
      settlement = new Settlement.Delivered(parcel.id(), now, delivered.status());
    } else if (outcome instanceof Outcome.Limited) {
      careful();
      settlement = null;
    } else if (outcome instanceof Outcome.Denied denied) {
      // A server that takes no reports may take events.
      settlement = parcel instanceof Outgoing.OfReport ? null : denied(ticket, denied, nanos, now);
    } else if (outcome instanceof Outcome.TooLarge large && large.smaller() != null) {
      settlement = new Settlement.Smaller(parcel.id(), large.smaller(), large.words());
    } else if (outcome instanceof Outcome.Refused || outcome instanceof Outcome.TooLarge) {
      settlement = dead(parcel, DiscardReason.SEND_ERROR, outcome, now);
    } else if (outcome instanceof Outcome.Unsendable) {
      settlement = dead(parcel, DiscardReason.INTERNAL_SDK_ERROR, outcome, now);
    } else {
      settlement = failed(ticket, outcome, asked, nanos, now);
    }
    holds.add(asked);
    if (parcel instanceof Outgoing.OfReport) {
      settlement = null;
    } else if (settlement == null) {
      supply.done(parcel.id());
    }
    return new Verdict(settlement, certain, asked, !Objects.equals(health.breaker(), before));
  }

  /** The entry is settled in the outbox. */
  void settled(String id) {
    supply.done(id);
  }

  /** Whether nothing has failed since it was sent. */
  private boolean isCurrent(Ticket ticket) {
    return ticket.epoch() == health.epoch();
  }

  private void careful() {
    health.doubt();
    supply.giveUp();
  }

  private static Settlement dead(
      Outgoing parcel, DiscardReason reason, Outcome outcome, Instant now) {
    return new Settlement.Dead(parcel.id(), reason, outcome.words(), now);
  }

  /**
   * It stays ready, and waits: longer than the server is left alone, and in any case while others
   * show whether it was for what is in it.
   */
  private Settlement denied(Ticket ticket, Outcome.Denied denied, long nanos, Instant now) {
    Outgoing parcel = ticket.parcel();
    if (isCurrent(ticket)) {
      careful();
      if (health.denied(denied, nanos, now)) {
        suspects.forget();
      }
      if (health.refusesAll()) {
        suspects.forget();
        givenUp |= hurried;
      }
    }
    if (!health.refusesAll()) {
      suspects.add(parcel, denied.words());
    }
    if (hurried) {
      supply.tried(parcel.id());
    }
    Instant next = now.plus(pace.probe(parcel.denials() + 1));
    OpenCircuit breaker = health.breaker();
    if (breaker != null) {
      next = RateLimitHolds.later(next, breaker.next().plus(pace.spacing()));
    }
    return new Settlement.Retry(parcel.id(), next, denied.words());
  }

  private Settlement failed(
      Ticket ticket, Outcome outcome, Map<String, Instant> asked, long nanos, Instant now) {
    Outgoing parcel = ticket.parcel();
    Duration wait = pace.backoff(parcel.attempts() + 1);
    if (isCurrent(ticket)) {
      careful();
      // The last round tries each once whatever came of the others, so many failures in a row say
      // nothing about the server's health, and the next agent's entries are not to wait for them.
      if (!hurried) {
        Duration pause = health.failed(nanos);
        wait = RateLimits.max(wait, pause.plus(pace.spacing()));
      }
    }
    if (outcome instanceof Outcome.Failing failing && failing.pause() != null) {
      Duration told = RateLimits.min(failing.pause(), RateLimits.LONGEST);
      asked.merge(RateLimits.ALL, now.plus(told), RateLimitHolds::later);
      wait = RateLimits.max(wait, told);
    }
    if (hurried) {
      supply.tried(parcel.id());
      health.resume(nanos);
      // Without an answer the others would fare no better, and time is short.
      givenUp |= outcome instanceof Outcome.Unreachable;
    }
    return new Settlement.Retry(parcel.id(), now.plus(wait), outcome.words());
  }

  private boolean waits(long nanos, Instant now) {
    return givenUp || startAt() - nanos > 0 || holds.all(now);
  }

  private long startAt() {
    long spaced = lastStart + pace.spacing().toNanos();
    long resumeAt = health.resumeAt();
    return health.proven() || resumeAt - spaced > 0 ? resumeAt : spaced;
  }

  /**
   * In how many nanoseconds there may be something to do without an outcome or a wake-up; {@link
   * Long#MAX_VALUE} for never.
   */
  long idleFor(long nanos, Instant now) {
    if (givenUp || inFlight >= health.allowed() || supply.isSpent()) {
      return Long.MAX_VALUE;
    }
    return Math.max(startAt() - nanos, supply.heldFor(holds, now).toNanos());
  }

  /** Whether a drain can expect nothing more of it. */
  boolean over(Instant now) {
    return inFlight == 0 && (givenUp || holds.all(now) || supply.allHeld(holds, now));
  }

  /**
   * Whether nothing would be lost with it; what it has learned of its server is worth keeping for a
   * while.
   */
  boolean idle(long nanos, Duration keep) {
    return inFlight == 0
        && !supply.isBusy()
        && supply.isSpent()
        && health.resumeAt() - nanos <= 0
        && nanos - lastUse > keep.toNanos();
  }
}

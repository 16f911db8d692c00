package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.OpenCircuit;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The circuit breaker of a lane: whether its server works, how many requests it may get at once,
 * and when the next one. Owned by the delivery thread.
 *
 * <p><b>Closed</b>: requests flow, one at a time until the server has accepted one ({@link
 * #proven}). <b>Open</b> ({@link #openCircuit}): the server answers 401, 403 or 404; nothing is
 * sent until {@link #resumeAt}. <b>Half-open</b>: that time has come, and a round of tries shows
 * whether the circuit closes. The outbox keeps an open circuit over restarts.
 *
 * <p><b>Is it the event, or the DSN?</b> 401, 403 and 404 do not say. Another event does: so a
 * server that denied one is asked for others, from other parts of the queue, one after the other,
 * until it accepts one or has denied {@link #FEW} in a row. That is a round; what is left of its
 * pause is waited for, and the next one begins. A server that was seen to accept some and deny
 * others ({@link #selective}) may deny {@link #MANY} in a row: where it denies nine of ten, few
 * would be all of that kind too often.
 *
 * <p>The circuit opens with the first denial of a server that has accepted nothing yet; of another
 * at the end of a round, or when the doubt outlasts the round because there are too few events.
 */
final class CircuitBreaker {
  /** What a revoked key costs in a round. */
  static final int FEW = 8;

  static final int MANY = 64;

  private final RetryPolicy policy;
  private int allowed = 1;
  private boolean proven;
  private int failures;
  private int epoch;
  private long resumeAt;

  /** What the server said when the circuit opened; null while it is closed. */
  private @Nullable OpenCircuit openCircuit;

  /** It was asked once more on a person's word since then. */
  private boolean probed;

  /** It has accepted an event since the circuit last opened. */
  private boolean takes;

  /** It has denied some events while it accepted others. */
  private boolean selective;

  /** How many it has denied in a row in this round; 0 if the last answer was another. */
  private int deniedInARow;

  private long roundEnd;
  private Instant nextRound = Instant.EPOCH;
  private int doubts;

  CircuitBreaker(RetryPolicy policy, @Nullable OpenCircuit openCircuit, long nanos) {
    this.policy = policy;
    this.openCircuit = openCircuit;
    this.resumeAt = nanos;
  }

  /** How many requests may be in flight. */
  int allowed() {
    return allowed;
  }

  /** Whether the server has taken something since it last failed. */
  boolean proven() {
    return proven;
  }

  /** The number of the last failure; what was sent before it says nothing about what came after. */
  int epoch() {
    return epoch;
  }

  long resumeAt() {
    return resumeAt;
  }

  void resume(long nanos) {
    resumeAt = nanos;
  }

  @Nullable OpenCircuit openCircuit() {
    return openCircuit;
  }

  /** How often in a row it gave reason to doubt it. */
  int doubts() {
    return doubts;
  }

  /** Whether the circuit is open or half-open: the last event was denied. */
  boolean isOpen() {
    return openCircuit != null || deniedInARow > 0;
  }

  /** Whether it has denied enough in a row to be left alone. */
  boolean refusesAll() {
    return deniedInARow >= (selective ? MANY : FEW);
  }

  /** The server took something. */
  void taken() {
    selective |= deniedInARow > 0;
    takes = true;
    deniedInARow = 0;
    doubts = 0;
    allowed = proven ? Math.min(policy.window(), allowed + 1) : Math.min(policy.window(), 2);
    proven = true;
    failures = 0;
    openCircuit = null;
  }

  /** It must prove itself anew. */
  void doubt() {
    proven = false;
    allowed = 1;
    epoch++;
    doubts++;
  }

  /**
   * It failed once more.
   *
   * @return how long it is left alone
   */
  Duration failed(long nanos) {
    failures++;
    Duration pause = policy.backoff(failures);
    resumeAt = nanos + pause.toNanos();
    return pause;
  }

  /**
   * It denied one event, once more.
   *
   * @return whether it is the first of a round
   */
  boolean denied(Outcome.Denied denied, long nanos, Instant now) {
    boolean suspected = deniedInARow > 0;
    boolean anew = !suspected || nanos - roundEnd >= 0;
    int rounds = openCircuit == null ? 1 : openCircuit.probes() + 1;
    if (anew) {
      Duration pause = policy.probe(rounds);
      deniedInARow = 0;
      roundEnd = nanos + pause.toNanos();
      nextRound = now.plus(pause);
    }
    deniedInARow++;
    boolean all = refusesAll();
    if (openCircuit == null ? !takes || all || (suspected && anew) : anew) {
      Instant since = openCircuit == null ? now : openCircuit.since();
      openCircuit = new OpenCircuit(denied.status(), denied.words(), since, rounds, nextRound);
      probed = false;
      takes = false;
    }
    selective &= !all;
    resumeAt = all ? roundEnd : nanos;
    return anew;
  }

  /**
   * The outbox says that somebody may have mended what the server refused: it is asked once more,
   * now. What was tried in vain so far still counts for the next pause.
   *
   * @param stored what the outbox holds; it may be older than what is known here, or have led to a
   *     try already
   */
  boolean probe(OpenCircuit stored, long nanos) {
    if (openCircuit == null || stored.probes() != openCircuit.probes() || probed) {
      return false;
    }
    resumeAt = nanos;
    deniedInARow = 0;
    probed = true;
    return true;
  }
}

package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.OpenCircuit;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a lane knows of its server: whether it works, how much it may be asked at once, and when
 * next. Owned by the delivery thread.
 *
 * <p><b>Is it the event, or the DSN?</b> 401, 403 and 404 do not say. Another event does: so a
 * server that turned one away is asked for others, from other parts of the queue, one after the
 * other, until it takes one or has turned away {@link #FEW} in a row. That is a round; what is left
 * of its pause is sat out then, and the next one begins. From a server that was seen to take some
 * and not others {@link #MANY} in a row are borne: where nine of ten offend it, few would be all of
 * that kind too often.
 *
 * <p>The door counts as closed ({@link OpenCircuit}) with the first answer of a server that has
 * taken nothing yet; of another at the end of a round, or where the doubt outlasts the round for
 * want of events.
 */
final class CircuitBreaker {
  /** What a revoked key costs in a round. */
  static final int FEW = 8;

  static final int MANY = 64;

  private final RetryPolicy pace;
  private int allowed = 1;
  private boolean proven;
  private int failures;
  private int epoch;
  private long resumeAt;

  /** What the server said that lets nobody in; null if it does, as far as is known. */
  private @Nullable OpenCircuit breaker;

  /** It was asked once more on a person's word since it answered so. */
  private boolean probed;

  /** It has taken an event since it last let nobody in. */
  private boolean takes;

  /** It has turned away some while it took others. */
  private boolean picky;

  /** How many it has turned away in a row in this round; 0 if the last answer was another. */
  private int turnedAway;

  private long roundEnd;
  private Instant nextRound = Instant.EPOCH;
  private int doubts;

  CircuitBreaker(RetryPolicy pace, @Nullable OpenCircuit breaker, long nanos) {
    this.pace = pace;
    this.breaker = breaker;
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

  @Nullable OpenCircuit breaker() {
    return breaker;
  }

  /** How often in a row it gave reason to doubt it. */
  int doubts() {
    return doubts;
  }

  /** Whether it turned away the last that it was asked for, as far as is known. */
  boolean closed() {
    return breaker != null || turnedAway > 0;
  }

  /** Whether it has turned away enough in a row to be left alone. */
  boolean refusesAll() {
    return turnedAway >= (picky ? MANY : FEW);
  }

  /** The server took something. */
  void taken() {
    picky |= turnedAway > 0;
    takes = true;
    turnedAway = 0;
    doubts = 0;
    allowed = proven ? Math.min(pace.window(), allowed + 1) : Math.min(pace.window(), 2);
    proven = true;
    failures = 0;
    breaker = null;
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
    Duration pause = pace.backoff(failures);
    resumeAt = nanos + pause.toNanos();
    return pause;
  }

  /**
   * It turned one away, once more.
   *
   * @return whether it is the first of a round
   */
  boolean denied(Outcome.Denied denied, long nanos, Instant now) {
    boolean suspected = turnedAway > 0;
    boolean anew = !suspected || nanos - roundEnd >= 0;
    int rounds = breaker == null ? 1 : breaker.probes() + 1;
    if (anew) {
      Duration pause = pace.probe(rounds);
      turnedAway = 0;
      roundEnd = nanos + pause.toNanos();
      nextRound = now.plus(pause);
    }
    turnedAway++;
    boolean all = refusesAll();
    if (breaker == null ? !takes || all || (suspected && anew) : anew) {
      Instant since = breaker == null ? now : breaker.since();
      breaker = new OpenCircuit(denied.status(), denied.words(), since, rounds, nextRound);
      probed = false;
      takes = false;
    }
    picky &= !all;
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
    if (breaker == null || stored.probes() != breaker.probes() || probed) {
      return false;
    }
    resumeAt = nanos;
    turnedAway = 0;
    probed = true;
    return true;
  }
}

package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Breaker;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a lane knows of its server: whether it works, how much it may be asked at once, and when
 * next. Owned by the delivery thread.
 */
final class Health {
  private final Pace pace;
  private int allowed = 1;
  private boolean proven;
  private int failures;
  private int epoch;
  private long resumeAt;

  /** What the server said that lets nobody in; null if it does, as far as is known. */
  private @Nullable Breaker breaker;

  /** It was asked once more on a person's word since it answered so. */
  private boolean probed;

  Health(Pace pace, @Nullable Breaker breaker, long nanos) {
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

  @Nullable Breaker breaker() {
    return breaker;
  }

  /** The server took something. */
  void taken() {
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

  /** It let nobody in, once more. */
  void denied(Outcome.Denied denied, long nanos, Instant now) {
    int probes = breaker == null ? 1 : breaker.probes() + 1;
    Duration pause = pace.probe(probes);
    Instant since = breaker == null ? now : breaker.since();
    breaker = new Breaker(denied.status(), denied.words(), since, probes, now.plus(pause));
    probed = false;
    resumeAt = nanos + pause.toNanos();
  }

  /**
   * The outbox says that somebody may have mended what the server refused: it is asked once more,
   * now. What was tried in vain so far still counts for the next pause.
   *
   * @param stored what the outbox holds; it may be older than what is known here, or have led to a
   *     try already
   */
  boolean probe(Breaker stored, long nanos) {
    if (breaker == null || stored.probes() != breaker.probes() || probed) {
      return false;
    }
    resumeAt = nanos;
    probed = true;
    return true;
  }
}

package io.uwsgisentry.agent;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.function.LongSupplier;

/**
 * Notices that the machine's clock was set, by comparing it with one that nobody sets. A machine
 * that slept looks the same, and is: the time that it slept through counts for nothing. Not
 * thread-safe.
 */
final class ClockJump {
  // Less is drift, or a process that was stopped between two looks.
  private static final Duration WORTH_IT = Duration.ofSeconds(30);

  private final Clock clock;
  private final LongSupplier nanos;
  private Instant instantBefore;
  private long nanosBefore;
  private Duration pending = Duration.ZERO;

  /**
   * @param nanos a time that only goes on, as {@link System#nanoTime}
   */
  ClockJump(Clock clock, LongSupplier nanos) {
    this.clock = clock;
    this.nanos = nanos;
    this.instantBefore = clock.instant();
    this.nanosBefore = nanos.getAsLong();
  }

  /**
   * By how much it was set in all that was not {@link #seenTo} yet; negative: back; zero: hardly or
   * not at all.
   */
  Duration pending() {
    Instant instant = clock.instant();
    long now = nanos.getAsLong();
    Duration by = Duration.between(instantBefore, instant).minusNanos(now - nanosBefore);
    instantBefore = instant;
    nanosBefore = now;
    if (by.abs().compareTo(WORTH_IT) >= 0) {
      pending = pending.plus(by);
    }
    return pending;
  }

  /** What {@link #pending} said is stored, all of it. */
  void seenTo() {
    pending = Duration.ZERO;
  }
}

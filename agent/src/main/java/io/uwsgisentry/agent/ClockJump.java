package io.uwsgisentry.agent;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.function.LongSupplier;

/**
 * The machine's clock, but for the times that it is set: those it notices, by comparing it with one
 * that nobody sets, and until what waits is put right it goes on as if nothing had been. So
 * whatever is stored until then is stored by one and the same clock, and is put right with the
 * rest. (Else what a server asks for between the jump and its notice would be moved by a jump that
 * it has in it already: a hold of a second that lasts for an hour.) A machine that slept looks the
 * same, and is: the time that it slept through is ignored.
 */
final class ClockJump extends Clock {
  // Less is drift, or a process that was stopped between two looks.
  private static final Duration WORTH_IT = Duration.ofSeconds(30);

  private final Clock clock;
  private final LongSupplier nanos;

  // What follows is guarded by this.
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

  /** Whether a clock that is off by so much was set. */
  static boolean isOne(Duration by) {
    return by.abs().compareTo(WORTH_IT) >= 0;
  }

  /**
   * By how much it was set in all that was not {@link #seenTo} yet; negative: back; zero: hardly or
   * not at all.
   */
  synchronized Duration pending() {
    look();
    return pending;
  }

  /** What {@link #pending} said is stored, all of it. */
  synchronized void seenTo() {
    pending = Duration.ZERO;
  }

  @Override
  public synchronized Instant instant() {
    return look().minus(pending);
  }

  private Instant look() {
    Instant instant = clock.instant();
    long now = nanos.getAsLong();
    Duration by = Duration.between(instantBefore, instant).minusNanos(now - nanosBefore);
    instantBefore = instant;
    nanosBefore = now;
    if (isOne(by)) {
      pending = pending.plus(by);
    }
    return instant;
  }

  @Override
  public ZoneId getZone() {
    return clock.getZone();
  }

  @Override
  public Clock withZone(ZoneId zone) {
    throw new UnsupportedOperationException("times of the agent have no zone");
  }
}

package io.uwsgisentry.intake;

import java.time.Duration;

/**
 * How many events are made and stored in one transaction. A transaction costs little, so it is many
 * where the processors are free. Where they are not, or the disk is slow, it is as few as half a
 * second allows: only what is stored can be sent, and the agent sends something each second however
 * little of the processors it gets.
 */
final class BatchSize {
  static final int LEAST = 10;
  static final int MOST = 500;

  private static final int RECORDS_AN_EVENT = 16;
  private static final long LONG_NANOS = Duration.ofMillis(500).toNanos();
  private static final long SHORT_NANOS = Duration.ofMillis(100).toNanos();

  // As few as a JVM that has just started can make in that time on a busy machine.
  private int events = 50;

  int events() {
    return events;
  }

  /** Most of them in a storm are only counted, which takes a fraction of the time. */
  int records() {
    return events * RECORDS_AN_EVENT;
  }

  /** A whole batch was stored, in so many nanoseconds. */
  void took(long nanos) {
    if (nanos > LONG_NANOS) {
      events = Math.max(LEAST, events / 2);
    } else if (nanos < SHORT_NANOS) {
      events = Math.min(MOST, events * 2);
    }
  }
}

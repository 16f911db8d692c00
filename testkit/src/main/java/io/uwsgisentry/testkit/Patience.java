package io.uwsgisentry.testkit;

import java.time.Duration;

/**
 * How long a test waits for what is sure to come. It is no measure of anything: where all is well
 * it costs nothing, and a machine may stand still for seconds at any moment, or be ten times slower
 * than usual for a while.
 */
public final class Patience {
  /** For an event, a line of a log, an answer, the end of a process. */
  public static final Duration SOON = Duration.ofSeconds(60);

  /** For much work, of which there is more than a few seconds' worth on a machine left alone. */
  public static final Duration LONG = Duration.ofSeconds(240);

  private Patience() {}
}

package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/**
 * How much of a busy processor the agent takes from the application, where the kernel shares the
 * processors among sessions ({@code kernel.sched_autogroup_enabled}). There the idle scheduling
 * that the agent runs under counts within its own session only: the session as a whole would get as
 * much as the whole server.
 *
 * <p>So its session asks for a thirtieth of that. Too little on a machine on which many sessions
 * are busy: an agent that is woken more than a second late takes its full share until that has not
 * been so for a while, and delivers slowly instead of not at all. It starts with the full share, as
 * a JVM's start is short and is waited for.
 *
 * <p>Used by the agent's main thread.
 */
final class ProcessorShare {
  static final String FULL = "0";

  /** As with nice(1): the weight is 36, where 0 has 1,024. */
  static final String SMALL = "15";

  private static final long LATE_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long CALM_NANOS = Duration.ofSeconds(15).toNanos();

  private final Path file;
  private String now = FULL;
  private boolean isThere;
  private long calmSince;

  ProcessorShare(Path file) {
    this.file = file;
    this.isThere = Files.isWritable(file);
    this.calmSince = System.nanoTime();
  }

  static ProcessorShare ofThisProcess() {
    return new ProcessorShare(Path.of("/proc/self/autogroup"));
  }

  /**
   * A pause is over.
   *
   * @param nanos the time, as by {@link System#nanoTime}
   * @param late by how many nanoseconds it was longer than asked for
   */
  void woke(long nanos, long late) {
    if (!isThere) {
      return;
    }
    if (late > LATE_NANOS) {
      calmSince = nanos;
      ask(FULL);
    } else if (nanos - calmSince > CALM_NANOS) {
      ask(SMALL);
    }
  }

  private void ask(String nice) {
    if (now.equals(nice)) {
      return;
    }
    try {
      Files.write(file, nice.getBytes(StandardCharsets.US_ASCII), StandardOpenOption.WRITE);
      now = nice;
    } catch (IOException e) {
      // No such kernel, or not now: the kernel takes ten such wishes a second from all.
      isThere = Files.isWritable(file);
    }
  }
}

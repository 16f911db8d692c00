package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The uWSGI master that an agent belongs to, told apart from a later process of the same number by
 * the time of its start, which a reload (an exec) does not change.
 */
final class MasterProcess {
  private final long pid;
  private final String started;

  private MasterProcess(long pid, String started) {
    this.pid = pid;
    this.started = started;
  }

  /** The process of that number; one that is gone stays gone. */
  static MasterProcess of(long pid) {
    return new MasterProcess(pid, start(pid).orElse(""));
  }

  boolean isAlive() {
    return !started.isEmpty() && start(pid).filter(started::equals).isPresent();
  }

  /**
   * Field 22 of {@code /proc/PID/stat}, in ticks since boot; empty for a process that ended, also
   * if it was not waited for yet.
   */
  private static Optional<String> start(long pid) {
    String stat;
    try {
      // ISO: the name of the program, in parentheses, may be any bytes.
      stat =
          Files.readString(
              Path.of("/proc", Long.toString(pid), "stat"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return Optional.empty();
    }
    String[] afterName = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    boolean ended = afterName[0].equals("Z") || afterName[0].equals("X");
    return ended ? Optional.empty() : Optional.of(afterName[19]);
  }
}

package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;

/**
 * How much of a busy processor the agent takes from the application, where the kernel shares the
 * processors among sessions ({@code kernel.sched_autogroup_enabled}). There the idle scheduling
 * that the agent runs under counts within its own session only: the session as a whole would get as
 * much as the whole server.
 *
 * <p>So its session asks for the least share there is, a seventieth of that. It begins with the
 * full share, as a JVM's start is short and is waited for: until the process has used the processor
 * time that it takes to start and to compile what it needs, or for some seconds, whichever is
 * sooner. How busy the machine is does not matter to that: a saturated one needs the small share
 * most.
 *
 * <p>The least is too little on a machine on which many sessions are busy. An agent that is woken
 * more than a second late asks for a step more, each time it happens, and for a step less when it
 * has not happened for a while: it delivers slowly instead of not at all.
 *
 * <p>A session that others are in as well is left alone: an agent that is started by hand, or by a
 * container's first script, may share it with the server itself.
 *
 * <p>Used by the agent's main thread.
 */
final class ProcessorShare {
  /** As with nice(1), least first: the weights are 15, 36, 110, 335 and 1,024. */
  static final List<String> STEPS = List.of("19", "15", "10", "5", "0");

  private static final long LATE_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long CALM_NANOS = Duration.ofSeconds(15).toNanos();
  private static final long START_NANOS = Duration.ofSeconds(15).toNanos();
  private static final long START_PROCESSOR_NANOS = Duration.ofSeconds(2).toNanos();

  // As native/agent starts native/agent/supervise.sh.
  private static final Pattern SCRIPT = Pattern.compile("sh\0-s\0(attached|detached|drain)\0");

  private final Path file;
  private final LongSupplier processor;
  private final long began;
  private int step = STEPS.size() - 1;
  private boolean starting = true;
  private boolean isThere;
  private long changed;

  /**
   * @param own whether nobody else is in the session
   * @param processor nanoseconds of processor time that the process has used
   */
  ProcessorShare(Path file, boolean own, LongSupplier processor) {
    this.file = file;
    this.processor = processor;
    this.isThere = own && Files.isWritable(file);
    this.began = System.nanoTime();
  }

  static ProcessorShare ofThisProcess() {
    return new ProcessorShare(
        Path.of("/proc/self/autogroup"),
        isInSessionOfItsOwn(),
        () -> ProcessHandle.current().info().totalCpuDuration().map(Duration::toNanos).orElse(0L));
  }

  private static boolean isInSessionOfItsOwn() {
    try {
      // ISO: the name of the program, in parentheses, may be any bytes.
      String stat = Files.readString(Path.of("/proc/self/stat"), StandardCharsets.ISO_8859_1);
      String parent = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[1];
      return isOwn(
          stat, Files.readString(Path.of("/proc", parent, "cmdline"), StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Whether the session is the process's own: it leads it, as under systemd, or its parent is the
   * script of the server's plugin, which has got a session for itself and the agent.
   *
   * @param stat of the process, as in {@code /proc/PID/stat}
   * @param parent the command line of its parent
   */
  static boolean isOwn(String stat, String parent) {
    String pid = stat.substring(0, stat.indexOf(' '));
    String session = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[3];
    return session.equals(pid) || SCRIPT.matcher(parent).lookingAt();
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
    if (starting) {
      works(nanos);
    } else if (late > LATE_NANOS) {
      ask(Math.min(step + 1, STEPS.size() - 1), nanos);
    } else if (nanos - changed > CALM_NANOS) {
      ask(Math.max(step - 1, 0), nanos);
    }
  }

  /** In the middle of work, which on a saturated machine can go on for long without a pause. */
  void works(long nanos) {
    if (isThere
        && starting
        && (nanos - began > START_NANOS || processor.getAsLong() > START_PROCESSOR_NANOS)) {
      starting = !ask(0, nanos);
    }
  }

  /** The server that is to be spared is gone or goes, and what is left to do is waited for. */
  void ends() {
    if (isThere) {
      starting = false;
      ask(STEPS.size() - 1, System.nanoTime());
    }
  }

  /** Whether that is what holds now. */
  private boolean ask(int wanted, long nanos) {
    if (wanted != step) {
      try {
        Files.write(
            file, STEPS.get(wanted).getBytes(StandardCharsets.US_ASCII), StandardOpenOption.WRITE);
      } catch (IOException e) {
        // No such kernel, or not now: the kernel takes ten such wishes a second from all.
        isThere = Files.isWritable(file);
        return false;
      }
    }
    step = wanted;
    changed = nanos;
    return true;
  }
}

package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How long the agent goes on taking records.
 *
 * <p>With a master: until that is gone. A signal alone does not end it, since uWSGI stops its
 * daemons before its workers have answered their last requests; but then it leaves as soon as
 * another server's supervisor, which cannot start its own agent before, has touched {@code
 * <dir>/agent.wanted}, and after a minute in any case. Without a master: until a signal comes.
 */
final class Lifetime {
  static final Duration AFTER_SIGNAL = Duration.ofSeconds(60);
  // A look costs more than all else that an idle agent does. A stopping server tells by a signal.
  private static final long MASTER_LOOK_NANOS = Duration.ofSeconds(1).toNanos();

  private final @Nullable MasterProcess master;
  private final Path wanted;
  private final CountDownLatch signal = new CountDownLatch(1);
  private volatile long signalledAt;
  private volatile Runnable waiter = () -> {};
  private long masterSeenAt;
  private boolean masterGone;
  private final ProcessorShare share = ProcessorShare.ofThisProcess();

  Lifetime(Path directory, @Nullable MasterProcess master) {
    this.master = master;
    this.wanted = directory.resolve("agent.wanted");
    this.masterSeenAt = System.nanoTime() - MASTER_LOOK_NANOS;
  }

  /** The process was told to stop. From any thread. */
  void signal() {
    if (signal.getCount() > 0) {
      // Who touched it before wanted another agent to end; one that still waits touches it again.
      forgetWanted();
      signalledAt = System.nanoTime();
      signal.countDown();
      waiter.run();
    }
  }

  /** Runs that when a signal comes, which may be in another thread, or at once if one has come. */
  void onSignal(Runnable action) {
    waiter = action;
    if (signalled()) {
      action.run();
    }
  }

  void forgetWanted() {
    try {
      Files.deleteIfExists(wanted);
    } catch (IOException e) {
      // Then the agent leaves at the next signal at once, and the other one takes over.
    }
  }

  boolean signalled() {
    return signal.getCount() == 0;
  }

  /** Whether the agent is to end. */
  boolean over() {
    if (master == null) {
      return signalled();
    }
    long now = System.nanoTime();
    if (!masterGone && (signalled() || now - masterSeenAt >= MASTER_LOOK_NANOS)) {
      masterSeenAt = now;
      masterGone = !master.isAlive();
    }
    return masterGone
        || (signalled() && (Files.exists(wanted) || now - signalledAt > AFTER_SIGNAL.toNanos()));
  }

  /** Why it ends, for the log. */
  String reason() {
    return masterGone ? "the server is gone" : "it was told to stop";
  }

  /** What is left to do is waited for. */
  void ends() {
    share.ends();
  }

  /** Called now and then in the middle of work. */
  void works() {
    share.works(System.nanoTime());
  }

  /** Waits; a signal ends the wait. */
  void pause(Duration time) throws InterruptedException {
    long from = System.nanoTime();
    if (signalled()) {
      TimeUnit.NANOSECONDS.sleep(Math.min(time.toNanos(), Duration.ofMillis(50).toNanos()));
    } else {
      var unused = signal.await(time.toNanos(), TimeUnit.NANOSECONDS);
    }
    long now = System.nanoTime();
    share.woke(now, now - from - time.toNanos());
  }
}

package io.uwsgisentry.delivery;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The threads that send, and who gets one.
 *
 * <p>A silent server holds a thread for the whole timeout, so they are shared out: lanes that have
 * yet to prove themselves together get at most {@link #UNPROVEN}, and a lane gets more than one
 * only while fewer than {@link #CROWDED} are taken. So even with fifty dead servers the next
 * healthy one finds a thread. They are made when needed, with small stacks, and end when idle.
 *
 * <p>The counting is the delivery thread's.
 */
final class SenderThreads {
  private static final int MOST = 64;
  private static final int UNPROVEN = 48;
  private static final int CROWDED = 32;
  static final long STACK = 256 * 1024;

  // Twice, as a thread that has handed in its outcome may not be back for the next request yet.
  private final ThreadPoolExecutor threads =
      new ThreadPoolExecutor(
          0, 2 * MOST, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), SenderThreads::thread);

  private int taken;
  private int unproven;

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(null, work, "sender", STACK);
    thread.setDaemon(true);
    return thread;
  }

  boolean areFree() {
    return taken == 0;
  }

  /** Whether the lane may start one more request now. */
  boolean admit(Lane lane) {
    if (!lane.proven()) {
      return unproven < UNPROVEN && taken < MOST;
    }
    return taken < (lane.inFlight() == 0 ? MOST : CROWDED);
  }

  /** Has the ticket sent; does nothing after {@link #end} or {@link #interrupt}. */
  void start(Lane.Ticket ticket, Consumer<Lane.Ticket> send) {
    taken++;
    unproven += ticket.proven() ? 0 : 1;
    try {
      threads.execute(() -> send.accept(ticket));
    } catch (RejectedExecutionException e) {
      if (!threads.isShutdown()) {
        throw e;
      }
    }
  }

  /** The ticket's thread is free again. */
  void done(Lane.Ticket ticket) {
    taken--;
    unproven -= ticket.proven() ? 0 : 1;
  }

  /** Gives up everything in flight. From any thread. */
  void interrupt() {
    threads.shutdownNow();
  }

  /** Waits that long for what is in flight, then gives up the rest. From any thread. */
  void end(Duration patience) throws InterruptedException {
    threads.shutdown();
    if (!threads.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      interrupt();
      boolean unused = threads.awaitTermination(300, TimeUnit.MILLISECONDS);
    }
  }
}

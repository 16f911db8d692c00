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
 * yet to prove themselves together get three quarters of them, and a lane gets more than one only
 * while fewer than half are taken. So with any number of dead servers the next healthy one finds a
 * thread. They are made when needed, with small stacks, and end when idle.
 *
 * <p>The bytes that requests hold in memory are shared out by the same rules: large events for many
 * destinations would else be more than the JVM has. One request is let through in any case.
 *
 * <p>The counting is the delivery thread's.
 */
final class SenderThreads {
  static final long STACK = 256 * 1024;

  /** The payload, the envelope, and that compressed. */
  private static final int COPIES = 3;

  private final ThreadPoolExecutor threads;
  private final Runnable giveUp;
  private final int most;
  private final int mostUnproven;
  private final int crowded;
  private final long mostBytes;
  private int taken;
  private int unproven;
  private long bytes;
  private long unprovenBytes;

  /**
   * @param most requests under way at once
   * @param mostBytes that these may hold in memory; the one that reaches it is the last
   * @param giveUp ends what is being sent; an interrupt does not reach a thread that waits for a
   *     socket
   */
  SenderThreads(int most, long mostBytes, Runnable giveUp) {
    this.giveUp = giveUp;
    this.most = most;
    this.mostBytes = mostBytes;
    this.mostUnproven = Math.max(1, most - most / 4 - (most < 4 ? 1 : 0));
    this.crowded = Math.max(1, most / 2);
    // The counting bounds them. A thread that has handed in its outcome may not be back for the
    // next
    // request yet, so for moments there are more.
    this.threads =
        new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            SenderThreads::thread);
  }

  int most() {
    return most;
  }

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
    return hasThread(lane) && hasMemory(lane);
  }

  private boolean hasMemory(Lane lane) {
    if (!lane.proven()) {
      return unprovenBytes < mostBytes - mostBytes / 4 && bytes < mostBytes;
    }
    return bytes < (lane.inFlight() == 0 ? mostBytes : mostBytes / 2);
  }

  /** Whether there are threads enough for the lane to have one more. */
  boolean hasThread(Lane lane) {
    if (!lane.proven()) {
      return unproven < mostUnproven && taken < most;
    }
    return taken < (lane.inFlight() == 0 ? most : crowded);
  }

  /** Has the ticket sent; does nothing after {@link #end} or {@link #interrupt}. */
  void start(Lane.Ticket ticket, Consumer<Lane.Ticket> send) {
    taken++;
    unproven += ticket.proven() ? 0 : 1;
    count(ticket, COPIES);
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
    count(ticket, -COPIES);
  }

  private void count(Lane.Ticket ticket, int copies) {
    long held = (long) ticket.outgoing().payload().length * copies;
    bytes += held;
    unprovenBytes += ticket.proven() ? 0 : held;
  }

  /** Gives up everything in flight. From any thread. */
  void interrupt() {
    giveUp.run();
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

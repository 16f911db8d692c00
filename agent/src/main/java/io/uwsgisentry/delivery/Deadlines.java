package io.uwsgisentry.delivery;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Ends exchanges that take too long, or all of them. A thread that connects, shakes hands, writes
 * or reads waits for as long as the other side likes: the time limits of sockets count from byte to
 * byte, and writes have none. Only closing the socket from another thread ends every one of these.
 *
 * <p>One thread does it, made when needed, gone when nothing was under way for a while. It sleeps
 * until the earliest end that it knows and is not woken when an exchange is over: a later one ends
 * later, so that in the usual case nobody is woken at all. What was closed and is still under way
 * is closed again: a connection may have been between two addresses.
 *
 * <p>A thread that wakes up much later than it meant to says that the process stood still: the
 * machine slept, had no processor for it, or somebody stopped it. Answers may have come meanwhile,
 * and whoever waits for them had no time to read: closing these connections would send again what
 * was taken. So all have a second more then, once in a while.
 */
final class Deadlines {
  /** An exchange under way. */
  interface Exchange {
    /** As {@link System#nanoTime}. */
    long end();

    /** Closes its connection, whatever that is doing. From any thread, again and again. */
    void abort();
  }

  private static final long AGAIN = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long IDLE = TimeUnit.SECONDS.toNanos(5);
  private static final long STOOD_STILL = TimeUnit.SECONDS.toNanos(1);
  private static final long GRACE = TimeUnit.SECONDS.toNanos(1);
  private static final long BETWEEN_GRACES = TimeUnit.SECONDS.toNanos(10);

  private final Set<Exchange> underWay = ConcurrentHashMap.newKeySet();
  private final Runnable housekeeping;
  private volatile boolean over;

  /** Until when the thread sleeps, as it said last. */
  private volatile long wakesAt;

  /** Guarded by this. */
  private @Nullable Thread thread;

  /**
   * @param housekeeping is run now and then while something is under way, and once more afterwards
   */
  Deadlines(Runnable housekeeping) {
    this.housekeeping = housekeeping;
  }

  /**
   * From now on it ends when its time is over.
   *
   * @throws InterruptedException if all was ended
   */
  void add(Exchange exchange) throws InterruptedException {
    underWay.add(exchange);
    if (over) {
      underWay.remove(exchange);
      throw new InterruptedException("delivery ends");
    }
    wake(exchange);
  }

  private synchronized void wake(Exchange exchange) {
    if (thread == null) {
      thread = new Thread(null, this::watch, "deadlines", SenderThreads.STACK);
      thread.setDaemon(true);
      thread.start();
    } else if (exchange.end() - wakesAt < 0) {
      LockSupport.unpark(thread);
    }
  }

  /** It is over by itself. */
  void remove(Exchange exchange) {
    underWay.remove(exchange);
  }

  /** Ends everything that is under way, and whatever begins later. From any thread. */
  void endAll() {
    over = true;
    underWay.forEach(Exchange::abort);
  }

  boolean over() {
    return over;
  }

  private void watch() {
    long busy = System.nanoTime();
    long meant = busy;
    long sparedUntil = busy - BETWEEN_GRACES;
    while (true) {
      long now = System.nanoTime();
      if (now - meant >= STOOD_STILL && now - sparedUntil >= BETWEEN_GRACES) {
        sparedUntil = now + GRACE;
      }
      long next = now + IDLE;
      // Before the look: who is added later compares with it.
      wakesAt = next;
      boolean any = false;
      for (Exchange exchange : underWay) {
        any = true;
        long left = Math.max(exchange.end() - now, Math.min(sparedUntil - now, GRACE));
        if (over || left <= 0) {
          exchange.abort();
          left = AGAIN;
        }
        next = Math.min(next - now, left) + now;
      }
      housekeeping.run();
      busy = any ? now : busy;
      if (!any && now - busy >= IDLE && ends()) {
        return;
      }
      wakesAt = next;
      meant = next;
      LockSupport.parkNanos(this, Math.max(1, next - System.nanoTime()));
    }
  }

  /** Whether the thread has nothing to do; a new one is made when there is. */
  private synchronized boolean ends() {
    if (!underWay.isEmpty()) {
      return false;
    }
    thread = null;
    return true;
  }
}

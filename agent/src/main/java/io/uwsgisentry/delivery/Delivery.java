package io.uwsgisentry.delivery;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.settings.InstanceOption;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Sends what is ready in the outbox, and puts back what came of it.
 *
 * <p>One thread, "delivery", owns all that is decided: it finds destinations, has a {@link Lane}
 * for each, fetches entries, settles them in batches ({@link DeliveryLoop}). Threads of a bounded
 * set only send ({@link Sender}) and put the outcome into the inbox. All public methods may be
 * called from any thread: they, too, only put something into the inbox, or wait for the thread's
 * end.
 *
 * <p><b>What dies, is sent again or not at all.</b> Nothing is marked before it is sent: an entry
 * is ready until its outcome is settled. If the agent dies between an answer and its settlement,
 * the entry is sent again under the same event id, by which Sentry recognises it.
 */
public final class Delivery implements AutoCloseable {
  /** How many requests are under way at once where the user says nothing. */
  public static final int MAX_REQUESTS =
      Integer.parseInt(InstanceOption.MAX_REQUESTS.bound().standard());

  /** Of the agent's usual heap, 48 MiB, these are 12. */
  private static final long MEMORY = Runtime.getRuntime().maxMemory() / 4;

  private static final Duration LAST_ANSWERS = Duration.ofMillis(700);

  private sealed interface Message {}

  private record Wake() implements Message {}

  private record Done(Lane.Ticket ticket, Outcome outcome) implements Message {}

  private record Drain(long end, CompletableFuture<Boolean> empty) implements Message {}

  private record Stop() implements Message {}

  private record Broken(Throwable fault) implements Message {}

  private final Sender sender;
  private final DeliveryLoop dispatch;
  private final LinkedBlockingQueue<Message> inbox = new LinkedBlockingQueue<>();
  private final AtomicBoolean woken = new AtomicBoolean();
  private final Thread thread;
  private volatile @Nullable Throwable fault;

  /** The delivery thread's. */
  private boolean stopping;

  /** With the usual number of requests in flight. */
  public Delivery(Outbox outbox, Clock clock, Log log) {
    this(outbox, clock, log, MAX_REQUESTS);
  }

  /**
   * @param clock for what is compared with servers' and entries' times; how long to wait is
   *     measured by the system's own
   * @param log takes what an operator should know, one line each, and the exchanges of {@code
   *     debug} destinations, several lines at once; called from several threads
   * @param maxRequests how many requests may be under way at once, to all destinations together;
   *     from 2
   */
  public Delivery(Outbox outbox, Clock clock, Log log, int maxRequests) {
    this(outbox, clock, log, RetryPolicy.DEFAULT, maxRequests);
  }

  Delivery(Outbox outbox, Clock clock, Log log, RetryPolicy policy, int maxRequests) {
    this.sender = new Sender(clock, log);
    this.dispatch =
        new DeliveryLoop(
            outbox, clock, log, policy, maxRequests, MEMORY, this::send, sender::endAll);
    this.thread = new Thread(null, this::run, "delivery", SenderThreads.STACK);
    thread.setDaemon(true);
  }

  /** Begins to send; once. */
  public void start() {
    thread.start();
  }

  /**
   * Does nothing, if delivery goes on.
   *
   * @throws IllegalStateException if it has ended by a fault of its own: the process should end
   *     too, for another to start afresh
   */
  public void requireAlive() {
    Throwable ended = fault;
    if (ended != null) {
      throw new IllegalStateException("delivery ended by a fault of its own", ended);
    }
  }

  /** Whether a request is in flight, as far as can be told from outside. */
  public boolean sending() {
    return dispatch.sending();
  }

  /**
   * There is something new in the outbox. Cheap, and harmless if it is not so.
   *
   * @throws IllegalStateException as {@link #requireAlive}
   */
  public void wake() {
    requireAlive();
    if (woken.compareAndSet(false, true)) {
      inbox.add(new Wake());
    }
  }

  /**
   * Tries everything that waits, once and at once, whatever backoff it was in, but not what a
   * server asked to hold. Returns when nothing more can be expected, or when {@code longest} is
   * over; what is then in flight goes on.
   *
   * @return whether nothing is left to send
   */
  public boolean drain(Duration longest) {
    CompletableFuture<Boolean> empty = new CompletableFuture<>();
    inbox.add(new Drain(System.nanoTime() + longest.toNanos(), empty));
    try {
      return empty.get(longest.toMillis() + 500, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /**
   * Begins no request, waits a moment for the answers to those in flight (who gives up on an answer
   * sends the event once more next time), settles what is answered, and returns within about two
   * seconds. The outbox stays open.
   */
  @Override
  public void close() {
    try {
      try {
        dispatch.end(LAST_ANSWERS);
      } finally {
        inbox.add(new Stop());
      }
      thread.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      work();
    } catch (RuntimeException | Error e) {
      fault = e;
      dispatch.interrupt();
      throw e;
    } finally {
      dispatch.abandonDrain();
    }
  }

  private void work() {
    dispatch.look();
    while (!stopping) {
      try {
        receive(inbox.poll(dispatch.idleNanos(), TimeUnit.NANOSECONDS));
        Message more;
        while ((more = inbox.poll()) != null) {
          receive(more);
        }
        dispatch.turn();
      } catch (InterruptedException e) {
        stopping = true;
      }
    }
    dispatch.store();
  }

  private void receive(@Nullable Message message) {
    if (message instanceof Wake) {
      woken.set(false);
      dispatch.look();
    } else if (message instanceof Done done) {
      dispatch.done(done.ticket(), done.outcome());
    } else if (message instanceof Drain begun) {
      dispatch.drain(begun.end(), begun.empty());
    } else if (message instanceof Stop) {
      stopping = true;
    } else if (message instanceof Broken broken) {
      throw new IllegalStateException("a sender failed", broken.fault());
    }
  }

  /** In a thread of the senders. */
  private void send(Lane.Ticket ticket) {
    try {
      inbox.add(new Done(ticket, sender.send(ticket.outgoing())));
    } catch (InterruptedException e) {
      // We are closing: the entry stays ready.
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      // Its lane would wait for it for ever.
      inbox.add(new Broken(e));
    }
  }
}

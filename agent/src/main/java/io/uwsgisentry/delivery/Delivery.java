package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sends what is ready in the outbox, and puts back what came of it.
 *
 * <p>One thread, "delivery", owns all that is decided: it finds destinations, has a {@link Lane}
 * for each, fetches entries, settles them in batches. Threads of a bounded set only send ({@link
 * Sender}) and put the outcome into the inbox. All public methods may be called from any thread.
 *
 * <p><b>What dies, is sent again or not at all.</b> Nothing is marked before it is sent: an entry
 * is ready until its outcome is settled. If the agent dies between an answer and its settlement,
 * the entry is sent again under the same event id, by which Sentry recognises it.
 */
public final class Delivery implements AutoCloseable {
  /** How many requests are under way at once where the user says nothing. */
  public static final int LANES = 64;

  private static final Duration LAST_ANSWERS = Duration.ofMillis(700);
  private static final Duration AFTER_OUTBOX_FAILURE = Duration.ofSeconds(1);

  private sealed interface Message {}

  private record Wake() implements Message {}

  private record Done(Lane.Ticket ticket, Outcome outcome) implements Message {}

  private record Drain(long end, CompletableFuture<Boolean> empty) implements Message {}

  private record Stop() implements Message {}

  private record Broken(Throwable fault) implements Message {}

  private final Outbox outbox;
  private final Clock clock;
  private final Consumer<String> log;
  private final Sender sender;
  private final LaneLog laneLog;
  private final LinkedBlockingQueue<Message> inbox = new LinkedBlockingQueue<>();
  private final AtomicBoolean woken = new AtomicBoolean();
  private final Thread thread;
  private final SenderThreads senders;

  private volatile boolean closing;
  private volatile boolean sending;
  private volatile @Nullable Throwable fault;

  // All below belongs to the delivery thread.
  private final Lanes lanes;
  private final ClientReports reports;
  private final Settlements settlements;
  private long lookAt;
  private @Nullable Drain drain;
  private boolean stopping;

  /** The outbox failed: nothing is asked of it before {@link #lookAt}. */
  private boolean outboxFailing;

  /** With the usual number of lanes. */
  public Delivery(Outbox outbox, Clock clock, Consumer<String> log) {
    this(outbox, clock, log, LANES);
  }

  /**
   * @param clock for what is compared with servers' and entries' times; how long to wait is
   *     measured by the system's own
   * @param log takes what an operator should know, one line each, and the exchanges of {@code
   *     debug} destinations, several lines at once; called from several threads
   * @param lanes how many requests may be under way at once, to all destinations together; from 2
   */
  public Delivery(Outbox outbox, Clock clock, Consumer<String> log, int lanes) {
    this(outbox, clock, log, Pace.DEFAULT, lanes);
  }

  Delivery(Outbox outbox, Clock clock, Consumer<String> log, Pace pace, int lanes) {
    this.outbox = outbox;
    this.clock = clock;
    this.log = log;
    this.sender = new Sender(clock, log);
    this.laneLog = new LaneLog(log);
    this.senders = new SenderThreads(lanes);
    this.settlements = new Settlements(outbox);
    this.reports = new ClientReports(outbox, clock, pace);
    this.lanes = new Lanes(outbox, clock, pace, reports);
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
    return sending;
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
    closing = true;
    try {
      senders.end(LAST_ANSWERS);
      inbox.add(new Stop());
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
      closing = true;
      senders.interrupt();
      throw e;
    } finally {
      if (drain != null) {
        drain.empty().complete(false);
      }
    }
  }

  private void work() {
    lookAt = System.nanoTime();
    while (!stopping) {
      try {
        receive(inbox.poll(idleNanos(), TimeUnit.NANOSECONDS));
        Message more;
        while ((more = inbox.poll()) != null) {
          receive(more);
        }
        if (!outboxFailing || lookAt - System.nanoTime() <= 0) {
          turn();
        } else if (drain != null && drain.end() - System.nanoTime() <= 0) {
          drainOver(drain, false);
        }
      } catch (InterruptedException e) {
        stopping = true;
      } catch (IOException e) {
        outboxFailed(e);
      }
    }
    try {
      settlements.store();
    } catch (IOException e) {
      outboxFailed(e);
    }
  }

  private void receive(@Nullable Message message) {
    if (message instanceof Wake) {
      woken.set(false);
      if (!outboxFailing) {
        lookAt = System.nanoTime();
      }
    } else if (message instanceof Done done) {
      done(done.ticket(), done.outcome());
    } else if (message instanceof Drain begun) {
      drain = begun;
      lookAt = System.nanoTime();
      lanes.hurry(lookAt);
    } else if (message instanceof Stop) {
      stopping = true;
    } else if (message instanceof Broken broken) {
      throw new IllegalStateException("a sender failed", broken.fault());
    }
  }

  /** Everything that can be done now. */
  private void turn() throws IOException {
    long nanos = System.nanoTime();
    if (senders.areFree() || settlements.patience(nanos) == 0) {
      settlements.store();
    }
    if (lookAt - nanos <= 0) {
      lookAt = lanes.look(nanos);
    }
    Instant now = clock.instant();
    boolean started = true;
    while (started && !closing) {
      started = false;
      // One request a lane in each round, so that they share what threads there are.
      for (Lane lane : lanes) {
        if (senders.admit(lane)) {
          started |= start(lane, nanos, now);
        } else if (lane.inFlight() == 0 && lane.idleFor(nanos, now) <= 0) {
          laneLog.takesTurns(senders.most(), nanos);
        }
      }
    }
    sending = !senders.areFree();
    lanes.rotate();
    lanes.retire(nanos, lane -> laneLog.forget(lane.key()));
    if (drain != null && (drain.end() - nanos <= 0 || lanes.over(nanos, now))) {
      endDrain(drain);
    }
    if (outboxFailing) {
      outboxFailing = false;
      log.accept("the outbox works again");
    }
  }

  private boolean start(Lane lane, long nanos, Instant now) throws IOException {
    if (reports.due(lane.key(), nanos) && lane.mayReport(nanos, now)) {
      // First, so that what was told is not told again.
      settlements.store();
      Parcel.OfReport report = reports.take(lane.key());
      if (report != null) {
        senders.start(lane.report(report, nanos), this::send);
        return true;
      }
    }
    int wanted = lane.wanted(nanos, now);
    if (wanted > 0) {
      // First, so that what is answered need not be read again only to be left out.
      settlements.store();
      lane.fetched(
          outbox.ready(lane.key(), lanes.due(now), wanted, Supply.FETCHED_BYTES, lane.taken()),
          wanted);
    }
    Lane.Ticket ticket = lane.start(nanos, now);
    if (ticket == null) {
      return false;
    }
    senders.start(ticket, this::send);
    return true;
  }

  /** In a thread of the senders. */
  private void send(Lane.Ticket ticket) {
    try {
      inbox.add(new Done(ticket, sender.send(ticket.parcel())));
    } catch (InterruptedException e) {
      // We are closing: the entry stays ready.
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      // Its lane would wait for it for ever.
      inbox.add(new Broken(e));
    }
  }

  private void done(Lane.Ticket ticket, Outcome outcome) {
    senders.done(ticket);
    long nanos = System.nanoTime();
    Lane lane = ticket.lane();
    Instant now = clock.instant();
    Lane.Verdict verdict = lane.done(ticket, outcome, nanos, now);
    settlements.add(lane, verdict, nanos);
    if (verdict.settlement() instanceof Settlement.Retry retry && !outboxFailing) {
      long due = nanos + Duration.between(now, retry.notBefore()).plusMillis(1).toNanos();
      lookAt = due - lookAt < 0 ? due : lookAt;
    }
    if (ticket.parcel() instanceof Parcel.OfReport report) {
      reports.done(lane.key(), outcome instanceof Outcome.Denied, nanos);
      // What a server refuses it will refuse again; the numbers stay in our own status.
      if (outcome instanceof Outcome.Delivered || outcome instanceof Outcome.Refused) {
        settlements.addReport(lane, report.told(), nanos);
      }
    }
    laneLog.outcome(ticket, outcome, nanos);
  }

  private void endDrain(Drain ending) throws IOException {
    settlements.store();
    drainOver(ending, lanes.nothingLeft());
  }

  private void drainOver(Drain ending, boolean empty) {
    lanes.calm();
    drain = null;
    ending.empty().complete(empty);
  }

  private void outboxFailed(IOException failure) {
    if (!outboxFailing) {
      log.accept("the outbox fails, delivery waits: " + failure.getMessage());
    }
    outboxFailing = true;
    lookAt = System.nanoTime() + AFTER_OUTBOX_FAILURE.toNanos();
  }

  /** How long nothing will have to be done unless a message comes. */
  private long idleNanos() {
    long nanos = System.nanoTime();
    long idle = lookAt - nanos;
    if (!outboxFailing) {
      Instant now = clock.instant();
      for (Lane lane : lanes) {
        if (senders.admit(lane)) {
          idle = Math.min(idle, lane.idleFor(nanos, now));
          if (lane.mayReport(nanos, now)) {
            idle = Math.min(idle, reports.idleFor(lane.key(), nanos));
          }
        }
      }
      if (!settlements.isEmpty()) {
        idle = Math.min(idle, settlements.patience(nanos));
      }
    }
    if (drain != null) {
      idle = Math.min(idle, drain.end() - nanos);
    }
    return Math.max(0, idle);
  }
}

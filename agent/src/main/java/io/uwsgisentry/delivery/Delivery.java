package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
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
 * <p><b>One destination never delays another.</b> A silent server holds a sending thread for the
 * whole timeout, so the threads are shared out: lanes that have yet to prove themselves together
 * get at most {@link #UNPROVEN}, and a lane gets more than one only while fewer than {@link
 * #CROWDED} are taken. So even with fifty dead servers the next healthy one finds a thread.
 *
 * <p><b>What dies, is sent again or not at all.</b> Nothing is marked before it is sent: an entry
 * is ready until its outcome is settled. If the agent dies between an answer and its settlement,
 * the entry is sent again under the same event id, by which Sentry recognises it.
 */
public final class Delivery implements AutoCloseable {
  private static final int SENDERS = 64;
  private static final int UNPROVEN = 48;
  private static final int CROWDED = 32;
  private static final long STACK = 256 * 1024;

  private static final int SETTLE_AT = 64;
  private static final long SETTLE_WITHIN = Duration.ofMillis(25).toNanos();
  private static final Duration KEEP_LANE = Duration.ofSeconds(60);

  /** How often the outbox is asked without a reason: while something waits there, and else. */
  private static final Duration LOOK = Duration.ofSeconds(1);

  private static final Duration LOOK_IDLE = Duration.ofSeconds(5);
  private static final Duration AFTER_OUTBOX_FAILURE = Duration.ofSeconds(1);

  /** Later than any entry is put off. */
  private static final Duration FAR = Duration.ofDays(366);

  private sealed interface Message {}

  private record Wake() implements Message {}

  private record Done(Lane.Ticket ticket, Outcome outcome) implements Message {}

  private record Drain(long end, CompletableFuture<Boolean> empty) implements Message {}

  private record Stop() implements Message {}

  private record Answered(Lane lane, Settlement settlement) {}

  private record Hold(String destinationKey, String category, Instant until) {}

  private final Outbox outbox;
  private final Clock clock;
  private final Pace pace;
  private final Consumer<String> log;
  private final Sender sender;
  private final LaneLog laneLog;
  private final LinkedBlockingQueue<Message> inbox = new LinkedBlockingQueue<>();
  private final AtomicBoolean woken = new AtomicBoolean();
  private final Thread thread;
  private final ThreadPoolExecutor senders;

  private volatile boolean closing;

  // All below belongs to the delivery thread.
  private final List<Lane> lanes = new ArrayList<>();
  private final List<Answered> answered = new ArrayList<>();
  private final List<Hold> holds = new ArrayList<>();
  private long settleBy;
  private long lookAt;
  private int inFlight;
  private int unprovenInFlight;
  private @Nullable Drain drain;
  private boolean stopping;

  /** The outbox failed: nothing is asked of it before {@link #lookAt}. */
  private boolean outboxFailing;

  /**
   * @param clock for what is compared with servers' and entries' times; how long to wait is
   *     measured by the system's own
   * @param log takes what an operator should know, one line each, and the exchanges of {@code
   *     debug} destinations, several lines at once; called from several threads
   */
  public Delivery(Outbox outbox, Clock clock, Consumer<String> log) {
    this(outbox, clock, log, Pace.DEFAULT);
  }

  Delivery(Outbox outbox, Clock clock, Consumer<String> log, Pace pace) {
    this.outbox = outbox;
    this.clock = clock;
    this.pace = pace;
    this.log = log;
    this.sender = new Sender(clock, log);
    this.laneLog = new LaneLog(log);
    this.thread = thread(this::run, "delivery");
    this.senders =
        new ThreadPoolExecutor(
            0,
            // Twice, as a sender that has handed in its outcome may not be back for the next
            // request yet.
            2 * SENDERS,
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            work -> thread(work, "sender"));
  }

  private static Thread thread(Runnable work, String name) {
    Thread thread = new Thread(null, work, name, STACK);
    thread.setDaemon(true);
    return thread;
  }

  /** Begins to send; once. */
  public void start() {
    thread.start();
  }

  /** There is something new in the outbox. Cheap, and harmless if it is not so. */
  public void wake() {
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
   * Gives up what is in flight, settles what is answered, and returns within about a second. The
   * outbox stays open.
   */
  @Override
  public void close() {
    closing = true;
    senders.shutdownNow();
    try {
      senders.awaitTermination(300, TimeUnit.MILLISECONDS);
      inbox.add(new Stop());
      thread.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
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
      settle();
    } catch (IOException e) {
      outboxFailed(e);
    }
    if (drain != null) {
      drain.empty().complete(false);
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
      lanes.forEach(lane -> lane.hurry(lookAt));
    } else if (message instanceof Stop) {
      stopping = true;
    }
  }

  /** Everything that can be done now. */
  private void turn() throws IOException {
    long nanos = System.nanoTime();
    if (answered.size() >= SETTLE_AT || inFlight == 0 || settleBy - nanos <= 0) {
      settle();
    }
    if (lookAt - nanos <= 0) {
      look(nanos);
    }
    Instant now = clock.instant();
    boolean started = true;
    while (started && !closing) {
      started = false;
      // One request a lane in each round, so that they share what threads there are.
      for (Lane lane : lanes) {
        started |= admitted(lane) && start(lane, nanos, now);
      }
    }
    // And where there is not one for each, the next turn begins with another.
    Collections.rotate(lanes, -1);
    lanes.removeIf(lane -> retired(lane, nanos));
    if (drain != null && (drain.end() - nanos <= 0 || lanes.stream().allMatch(l -> l.over(now)))) {
      endDrain(drain);
    }
    if (outboxFailing) {
      outboxFailing = false;
      log.accept("the outbox works again");
    }
  }

  private void look(long nanos) throws IOException {
    Instant due = due(clock.instant());
    List<String> keys = outbox.destinationsReady(due);
    for (String key : keys) {
      Lane lane = lane(key);
      if (lane == null) {
        lane = new Lane(key, outbox.holds(key), pace, nanos);
        lanes.add(lane);
        if (drain != null) {
          lane.hurry(nanos);
        }
      }
      lane.look();
    }
    Optional<Instant> next = outbox.nextReady();
    Duration wait = keys.isEmpty() && next.isEmpty() ? LOOK_IDLE : LOOK;
    if (next.isPresent() && next.get().isAfter(due)) {
      wait = RateLimits.min(wait, Duration.between(due, next.get()).plusMillis(1));
    }
    lookAt = nanos + wait.toNanos();
  }

  private @Nullable Lane lane(String key) {
    for (Lane lane : lanes) {
      if (lane.key().equals(key)) {
        return lane;
      }
    }
    return null;
  }

  /** What counts as due: in a drain everything. */
  private Instant due(Instant now) {
    return drain == null ? now : now.plus(FAR);
  }

  private boolean admitted(Lane lane) {
    if (!lane.proven()) {
      return unprovenInFlight < UNPROVEN && inFlight < SENDERS;
    }
    return inFlight < (lane.inFlight() == 0 ? SENDERS : CROWDED);
  }

  private boolean start(Lane lane, long nanos, Instant now) throws IOException {
    int wanted = lane.wanted(nanos, now);
    if (wanted > 0) {
      // First, so that what is answered need not be read again only to be left out.
      settle();
      lane.fetched(outbox.ready(lane.key(), due(now), wanted, lane.taken()), wanted);
    }
    Lane.Ticket ticket = lane.start(nanos, now);
    if (ticket == null) {
      return false;
    }
    inFlight++;
    unprovenInFlight += ticket.proven() ? 0 : 1;
    try {
      senders.execute(() -> send(ticket));
    } catch (RejectedExecutionException e) {
      if (!closing) {
        throw e;
      }
    }
    return true;
  }

  /** In a thread of the senders. */
  private void send(Lane.Ticket ticket) {
    Entry entry = ticket.entry();
    Dsn dsn = Objects.requireNonNull(entry.dsn(), "an entry without a DSN is not ready");
    Destination.To to = new Destination.To(dsn, entry.verify(), entry.timeout(), entry.debug());
    try {
      inbox.add(new Done(ticket, sender.send(entry.id(), entry.payload(), entry.category(), to)));
    } catch (InterruptedException e) {
      // We are closing: the entry stays ready.
      Thread.currentThread().interrupt();
    }
  }

  private void done(Lane.Ticket ticket, Outcome outcome) {
    inFlight--;
    unprovenInFlight -= ticket.proven() ? 0 : 1;
    long nanos = System.nanoTime();
    Lane lane = ticket.lane();
    Instant now = clock.instant();
    Lane.Verdict verdict = lane.done(ticket, outcome, nanos, now);
    verdict.holds().forEach((category, until) -> holds.add(new Hold(lane.key(), category, until)));
    if (answered.isEmpty()) {
      settleBy = nanos + SETTLE_WITHIN;
    }
    if (verdict.settlement() != null) {
      answered.add(new Answered(lane, verdict.settlement()));
    }
    if (verdict.settlement() instanceof Settlement.Retry retry && !outboxFailing) {
      long due = nanos + Duration.between(now, retry.notBefore()).plusMillis(1).toNanos();
      lookAt = due - lookAt < 0 ? due : lookAt;
    }
    laneLog.outcome(ticket, outcome, nanos);
  }

  private void settle() throws IOException {
    for (Hold hold : holds) {
      outbox.hold(hold.destinationKey(), hold.category(), hold.until());
    }
    holds.clear();
    if (!answered.isEmpty()) {
      outbox.settle(answered.stream().map(Answered::settlement).toList());
      answered.forEach(a -> a.lane().settled(a.settlement().id()));
      answered.clear();
    }
  }

  private boolean retired(Lane lane, long nanos) {
    boolean idle = lane.idle(nanos, KEEP_LANE);
    if (idle) {
      laneLog.forget(lane.key());
    }
    return idle;
  }

  private void endDrain(Drain ending) throws IOException {
    settle();
    boolean empty = outbox.destinationsReady(clock.instant().plus(FAR)).isEmpty();
    drainOver(ending, empty);
  }

  private void drainOver(Drain ending, boolean empty) {
    lanes.forEach(Lane::calm);
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
        if (admitted(lane)) {
          idle = Math.min(idle, lane.idleFor(nanos, now));
        }
      }
      if (!answered.isEmpty()) {
        idle = Math.min(idle, settleBy - nanos);
      }
    }
    if (drain != null) {
      idle = Math.min(idle, drain.end() - nanos);
    }
    return Math.max(0, idle);
  }
}

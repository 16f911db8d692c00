package io.uwsgisentry.agent;

import io.uwsgisentry.agent.AgentLog.Component;
import io.uwsgisentry.cli.AgentRunner;
import io.uwsgisentry.cli.FailedStarts;
import io.uwsgisentry.delivery.Delivery;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.intake.JournalPump;
import io.uwsgisentry.intake.NewerJournalException;
import io.uwsgisentry.intake.ReplacedException;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Keys;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.log.Log.Level;
import io.uwsgisentry.outbox.Footprint;
import io.uwsgisentry.outbox.NewerOutboxException;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.OutboxException;
import io.uwsgisentry.outbox.Reserve;
import io.uwsgisentry.outbox.Volume;
import io.uwsgisentry.redaction.Scrubber;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The agent of a state directory, from lock to exit.
 *
 * <p>The main thread carries records from the journal to the outbox and tidies up; {@link Delivery}
 * sends in threads of its own; a shutdown hook turns a signal into a request, and holds the JVM's
 * end off until the main thread is through.
 *
 * <p>It ends in order: what is in the journal goes to the outbox, what is in the outbox is tried
 * for {@code --drain} seconds, the rest stays there for the next one. Nothing depends on that order
 * being finished: a SIGKILL at any point loses nothing.
 */
final class Agent {
  /** Another agent serves the directory ({@code EX_TEMPFAIL}). */
  static final int LOCKED = 75;

  /** A newer version's files are in the directory ({@code EX_PROTOCOL}). */
  static final int NEWER = 76;

  /** What it has open no longer stands in the directory ({@code EX_IOERR}). */
  static final int REPLACED = 74;

  static final int FAILED = 1;

  /** No exit code: the clock was set, and what holds times in memory must be created again. */
  private static final int AGAIN = -1;

  private static final Duration BUSY_PAUSE = Duration.ofMillis(20);
  // After that time without a record the agent counts as idle.
  private static final long QUIET_NANOS = Duration.ofSeconds(1).toNanos();
  private static final Duration FIRST_BACKOFF = Duration.ofSeconds(1);
  private static final Duration LONGEST_BACKOFF = Duration.ofSeconds(15);
  private static final long TIDY_NANOS = Duration.ofSeconds(60).toNanos();
  // Tidying takes the processor and the database from who has something to send, so it waits for
  // a quiet moment, but not for ever.
  private static final long UNTIDY_NANOS = Duration.ofMinutes(5).toNanos();
  private static final long LOOK_ELSEWHERE_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long ARCHIVE_AFTER_NANOS = Duration.ofSeconds(15).toNanos();
  // So that a hung disk does not hold the machine's shutdown for ever.
  private static final Duration REST_PATIENCE = Duration.ofSeconds(15);

  private final AgentRunner.Arguments arguments;
  private final ClockJump clock;
  private final AgentLog logs;
  private final Log log;
  private final RuntimeDirectory runtime;
  private final JournalDirectory journal;
  private final OutboxFile database;
  private final Lifetime lifetime;

  private Agent(
      AgentRunner.Arguments arguments,
      ClockJump clock,
      AgentLog log,
      RuntimeDirectory runtime,
      JournalDirectory journal,
      Footprint footprint) {
    this.arguments = arguments;
    this.clock = clock;
    this.logs = log;
    this.log = log.of(Component.AGENT);
    this.runtime = runtime;
    this.journal = journal;
    this.database =
        new OutboxFile(arguments, footprint, clock, runtime, journal, log.of(Component.DATABASE));
    Long master = arguments.master();
    this.lifetime =
        new Lifetime(arguments.directory(), master == null ? null : MasterProcess.of(master));
  }

  /**
   * Runs an agent until it has nothing left to do or is told to stop.
   *
   * @return the exit code
   * @throws IOException if the directory cannot be used
   */
  static int run(AgentRunner.Arguments arguments) throws IOException {
    Path directory = arguments.directory().toAbsolutePath();
    List<String> remarks = DirectoryInspection.of(directory, DirectoryInspection.ownUid());
    try {
      return start(arguments, directory, remarks);
    } catch (IOException e) {
      // On a full disk not even an empty file can be made.
      if (Volume.of(directory).isFull() && Reserve.release(directory)) {
        return start(arguments, directory, remarks);
      }
      throw e;
    }
  }

  private static int start(AgentRunner.Arguments arguments, Path directory, List<String> remarks)
      throws IOException {
    try (JournalDirectory journal = JournalDirectory.hold(directory)) {
      Optional<AgentLock> lock = AgentLock.take(directory);
      if (lock.isEmpty()) {
        if (arguments.drainOnly()) {
          return 0;
        }
        System.err.println("uwsgi-sentry: another agent serves " + directory);
        return LOCKED;
      }
      ClockJump clock = new ClockJump(Clock.systemUTC(), System::nanoTime);
      Footprint footprint = OutboxFile.footprint(arguments);
      try (AgentLock held = lock.get();
          AgentLog log = AgentLog.open(directory, clock, footprint.agentLog() / 2)) {
        remarks.forEach(log.of(Component.AGENT)::warn);
        RuntimeDirectory runtime = RuntimeDirectory.of(directory);
        return new Agent(arguments, clock, log, runtime, journal, footprint).run();
      }
    }
  }

  private int run() throws IOException {
    CountDownLatch finished = new CountDownLatch(1);
    int[] code = {FAILED};
    Thread hook =
        new Thread(
            () -> {
              lifetime.signal();
              Duration patience =
                  Lifetime.AFTER_SIGNAL.plus(arguments.drain()).plus(REST_PATIENCE.multipliedBy(3));
              try {
                var unused = finished.await(patience.toMillis(), TimeUnit.MILLISECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              // The exit code of a JVM that a signal ends would be the signal's.
              Runtime.getRuntime().halt(code[0]);
            },
            "signal");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      code[0] = serve();
      return code[0];
    } finally {
      finished.countDown();
      removeHook(hook);
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending, and the hook with it.
    }
  }

  private int serve() {
    lifetime.forgetWanted();
    try {
      lifetime.pause(database.othersTime());
      try {
        return serveOn();
      } catch (OutboxException e) {
        if (!e.corrupt()) {
          throw e;
        }
        // Another one that stands there now may be sound.
        database.standing().requireClosed();
        tell(Level.ERROR, database.putAside(String.valueOf(e.getMessage())));
        // A second one within one life is the disk's fault and cannot be fixed here.
        return serveOn();
      }
    } catch (NewerJournalException | NewerOutboxException e) {
      tell(Level.WARN, "agent ends: " + e.getMessage());
      return NEWER;
    } catch (ReplacedException e) {
      tell(Level.WARN, "agent ends: " + e.getMessage());
      return REPLACED;
    } catch (IOException e) {
      tell(Level.ERROR, "agent ends: " + e);
      return FAILED;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return FAILED;
    } catch (RuntimeException | Error e) {
      log.error(
          "agent ends because of a fault of its own; it is restarted and loses nothing. Please report"
              + " this:\n"
              + trace(e));
      return FAILED;
    }
  }

  private int serveOn() throws IOException, NewerJournalException, InterruptedException {
    int code;
    do {
      code = serveOnce();
    } while (code == AGAIN);
    return code;
  }

  private int serveOnce() throws IOException, NewerJournalException, InterruptedException {
    try (Outbox outbox = database.open()) {
      Duration behind = outbox.behind();
      if (ClockJump.isOne(behind)) {
        outbox.clockJumped(behind.negated());
        log.info("system clock went back by " + behind.toSeconds() + " s; timers adjusted");
      }
      for (String fault : outbox.withdrawUnusable()) {
        log.warn("events wait for a usable DSN, fix it in the configuration: " + fault);
      }
      EventFactory factory =
          new EventFactory(new Scrubber(), version(), database.footprint().bounds().eventBytes());
      try (Delivery delivery =
              new Delivery(outbox, clock, logs.of(Component.DELIVERY), arguments.maxRequests());
          ClassArchive archive = new ClassArchive(runtime, log)) {
        JournalPump pump =
            new JournalPump(
                journal,
                new Keys(journal.key()),
                database.standing(),
                outbox,
                factory,
                () -> {
                  delivery.wake();
                  lifetime.works();
                },
                logs.of(Component.JOURNAL),
                clock,
                System::nanoTime);
        delivery.start();
        FailedStarts.forget(arguments.directory());
        tell(Level.INFO, "agent " + version() + " started, pid " + ProcessHandle.current().pid());
        try {
          return carryOn(pump, outbox, delivery, archive);
        } catch (ReplacedException e) {
          database.replaced(e, outbox, delivery);
          throw e;
        }
      }
    }
  }

  private int carryOn(JournalPump pump, Outbox outbox, Delivery delivery, ClassArchive archive)
      throws IOException, NewerJournalException, InterruptedException {
    if (!arguments.drainOnly() && !pump(pump, outbox, delivery, archive)) {
      return AGAIN;
    }
    lifetime.ends();
    takeRest(pump);
    flushStorms(pump);
    boolean empty = delivery.drain(arguments.drain());
    takeRest(pump);
    outbox.requireSound();
    log.info(
        "agent ends"
            + (arguments.drainOnly() ? "" : ", " + lifetime.reason())
            + (empty ? "" : "; what is not delivered waits in the outbox"));
    return 0;
  }

  /**
   * Logs it, and prints it for a person or an init system that started the agent: the output of a
   * supervised one is the log itself.
   */
  private void tell(Level level, String line) {
    log.write(level, line);
    if (arguments.master() == null && !arguments.drainOnly()) {
      System.err.println("uwsgi-sentry: " + line);
    }
  }

  private static String trace(Throwable thrown) {
    StringWriter trace = new StringWriter();
    thrown.printStackTrace(new PrintWriter(trace));
    return trace.toString();
  }

  static String version() {
    String version = Agent.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }

  /** Whether the agent is to end; otherwise everything but the lock is created again. */
  private boolean pump(JournalPump pump, Outbox outbox, Delivery delivery, ClassArchive archive)
      throws IOException, NewerJournalException, InterruptedException {
    long started = System.nanoTime();
    long tidied = started - TIDY_NANOS;
    long looked = started;
    Duration backoff = Duration.ZERO;
    long found = started;
    try (JournalWatch watch = new JournalWatch(journal::path, lifetime)) {
      while (!lifetime.over()) {
        try {
          Duration jumped = clock.pending();
          if (!jumped.isZero()) {
            outbox.clockJumped(jumped);
            clock.seenTo();
            // Lanes hold times of their own in memory.
            log.info("system clock jumped by " + jumped.toSeconds() + " s; timers adjusted");
            return false;
          }
          long now = System.nanoTime();
          boolean look = now - looked >= LOOK_ELSEWHERE_NANOS;
          if (look) {
            looked = now;
            database.standing().require();
          }
          boolean any = pump.pass();
          // Delivery may have been the one to find it out; it only tries again.
          outbox.requireSound();
          watch.looked(any);
          found = any ? now : found;
          boolean idle = now - found >= QUIET_NANOS;
          delivery.requireAlive();
          if (look && outbox.changedElsewhere()) {
            delivery.wake();
          }
          if (look && database.roomier()) {
            return false;
          }
          boolean quiet = !any && !delivery.sending();
          boolean more = false;
          if (now - tidied >= (quiet ? TIDY_NANOS : UNTIDY_NANOS)) {
            more = tidy(outbox);
            tidied = more ? tidied : now;
          }
          if (!backoff.isZero()) {
            log.info("the journal is read again");
            backoff = Duration.ZERO;
          }
          if (idle && now - started > ARCHIVE_AFTER_NANOS) {
            archive.provide();
          }
          if (any || more) {
            // What is appended meanwhile is taken with the next look.
            lifetime.pause(BUSY_PAUSE);
          }
          watch.pause(any || more ? Duration.ZERO : watch.rest(idle));
        } catch (ReplacedException e) {
          throw e;
        } catch (IOException e) {
          database.standing().require();
          outbox.requireSound();
          if (backoff.isZero()) {
            log.error(
                "cannot read the journal, records are kept and it is retried. Check the disk: "
                    + e);
            backoff = FIRST_BACKOFF;
          } else {
            backoff = backoff.multipliedBy(2);
          }
          backoff = backoff.compareTo(LONGEST_BACKOFF) > 0 ? LONGEST_BACKOFF : backoff;
          lifetime.pause(backoff);
        }
      }
    }
    return true;
  }

  /** What is in the journal at the end; a fault leaves it there for the next agent. */
  private void takeRest(JournalPump pump)
      throws ReplacedException, NewerJournalException, InterruptedException {
    try {
      long end = System.nanoTime() + REST_PATIENCE.toNanos();
      while (pump.pass() && System.nanoTime() < end) {
        // Until nothing more came while we read.
      }
      pump.finish();
    } catch (ReplacedException e) {
      throw e;
    } catch (IOException e) {
      log.warn("cannot read the journal at the end, records wait for the next agent: " + e);
    }
  }

  /** What is only counted until now; a fault leaves it to the next agent. */
  private void flushStorms(JournalPump pump) {
    try {
      pump.flushStorms();
    } catch (IOException e) {
      log.warn("cannot store storm counts at the end, they wait for the next agent: " + e);
    }
  }

  private boolean tidy(Outbox outbox) throws IOException {
    Instant now = clock.instant();
    journal.removeStale(now);
    Set<String> present =
        journal.sealed().stream().map(SealedFile::name).collect(Collectors.toSet());
    return outbox.tidy(now, present);
  }
}

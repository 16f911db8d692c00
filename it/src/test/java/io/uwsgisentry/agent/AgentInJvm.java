package io.uwsgisentry.agent;

import io.uwsgisentry.delivery.Delivery;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.intake.JournalPump;
import io.uwsgisentry.intake.Standing;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Keys;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.testkit.Patience;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * An agent in a thread of the test's JVM: the pump, the event factory, the outbox and the delivery
 * of {@link Agent}, wired as there. What it leaves out is what makes an agent a process: the lock,
 * the watch on its master, signals, {@code agent.log}, tidying. A test of any of these needs the
 * real one.
 *
 * <p>It starts once a server has made the state directory, with its own rights to it.
 */
public final class AgentInJvm implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofMillis(20);

  private final Path state;
  private final List<String> log = new ArrayList<>();
  private final CountDownLatch ending = new CountDownLatch(1);
  private final Thread thread;
  private volatile Throwable fault;

  private AgentInJvm(Path state) {
    this.state = state;
    this.thread = new Thread(this::run, "agent for " + state);
  }

  public static AgentInJvm start(Path state) {
    AgentInJvm agent = new AgentInJvm(state);
    agent.thread.setDaemon(true);
    agent.thread.start();
    return agent;
  }

  /** Its log so far. */
  public synchronized String log() {
    return String.join("\n", log);
  }

  /** Takes what the journal holds, delivers it, and ends. A fault of its own fails the test. */
  @Override
  public void close() throws InterruptedException {
    ending.countDown();
    thread.join(Patience.LONG.toMillis());
    if (fault != null) {
      throw new AssertionError("the agent failed; it said: " + log(), fault);
    }
    if (thread.isAlive()) {
      throw new AssertionError("the agent goes on; it said: " + log());
    }
  }

  private synchronized void line(String text) {
    log.add(text);
  }

  private void run() {
    try {
      while (!Files.exists(state.resolve("key"))) {
        if (pause()) {
          return;
        }
      }
      serve();
    } catch (Exception | Error e) {
      fault = e;
    }
  }

  private void serve() throws Exception {
    Clock clock = Clock.systemUTC();
    JournalDirectory journal = JournalDirectory.create(state);
    EventFactory factory =
        new EventFactory(new Scrubber(), Agent.version(), Bounds.DEFAULT.eventBytes());
    try (Outbox outbox = Outbox.open(state.resolve("outbox.db"), clock, Bounds.DEFAULT);
        Delivery delivery =
            new Delivery(outbox, clock, Log.to(this::line), Delivery.MAX_REQUESTS)) {
      JournalPump pump =
          new JournalPump(
              journal,
              new Keys(journal.key()),
              Standing.assumed(),
              outbox,
              factory,
              delivery::wake,
              Log.to(this::line),
              clock,
              System::nanoTime);
      delivery.start();
      do {
        pump.pass();
        outbox.requireSound();
        delivery.requireAlive();
      } while (!pause());
      while (pump.pass()) {
        // Until nothing is left.
      }
      pump.finish();
      pump.flushStorms();
      if (!delivery.drain(Patience.SOON)) {
        line("what is not delivered waits in the outbox");
      }
      outbox.requireSound();
    }
  }

  /** Waits a little; whether the agent is to end. */
  private boolean pause() throws InterruptedException {
    return ending.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS);
  }
}

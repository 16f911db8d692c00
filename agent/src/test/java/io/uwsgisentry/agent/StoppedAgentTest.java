package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A machine that stood still: suspended, starved of processors, or stopped by somebody. */
@Timeout(300)
@Tag("process")
class StoppedAgentTest {
  private static final int MANY = 30;

  @TempDir Path parent;

  @Test
  void anAnswerThatCameWhileTheAgentStoodStillIsNotTooLate() throws Exception {
    Path state = parent.resolve("state");
    Journal journal = new Journal(state);
    CountDownLatch stopped = new CountDownLatch(1);
    AtomicInteger arrived = new AtomicInteger();
    try (Receiver receiver = Receiver.start();
        AgentProcess agent = AgentProcess.start(state)) {
      Behaviour healthy = Behaviour.healthy();
      receiver.behave(
          request -> {
            if (arrived.incrementAndGet() == MANY) {
              signal(agent, "STOP");
              stopped.countDown();
            }
            await().atMost(Patience.LONG).until(() -> stopped.getCount() == 0);
            return healthy.react(request);
          });
      for (int i = 1; i <= MANY; i++) {
        // Each project has a lane of its own.
        String dsn = receiver.dsn().replaceFirst("/[0-9]+$", "/" + i);
        journal.append(Journal.alarm(i, dsn + ",timeout=6"));
      }
      assertThat(stopped.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
      long since = System.nanoTime();
      await().until(() -> System.nanoTime() - since > TimeUnit.SECONDS.toNanos(9));
      signal(agent, "CONT");
      await()
          .atMost(Patience.LONG)
          .ignoreExceptions()
          .untilAsserted(() -> assertThat(delivered(state)).isEqualTo(MANY));
      assertThat(receiver.accepted()).hasSize(MANY);
    }
  }

  private static long delivered(Path state) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().states().get(State.DELIVERED).entries();
    }
  }

  private static void signal(AgentProcess agent, String name) {
    try {
      new ProcessBuilder("kill", "-" + name, Long.toString(agent.pid()))
          .inheritIO()
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}

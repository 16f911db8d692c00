package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An event whose answer may come yet is neither too old nor in the way. */
class InFlightTest {
  @TempDir Path directory;

  @Test
  void anEventThatBecomesTooOldOnItsWayIsDeliveredAndNotDiscarded() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    Behaviour waits =
        request -> {
          try {
            answer.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return Behaviour.answer(200, Map.of(), "");
        };
    try (Receiver receiver = Receiver.start();
        Rig rig = new Rig(directory, Rig.QUICK, Clock.systemUTC())) {
      receiver.behave(waits);
      rig.store(3, Rig.to(receiver.dsn()));
      rig.delivery.start();
      receiver.awaitRequests(1, Patience.SOON);

      Instant inAMonth = Instant.now().plus(Duration.ofDays(30));
      while (rig.outbox.tidy(inAMonth, Set.of())) {
        // Until nothing is left to do.
      }
      assertThat(rig.count(State.DEAD)).as("those that are not on their way").isEqualTo(2);

      answer.countDown();
      await().atMost(Patience.SOON).until(() -> rig.count(State.DELIVERED) == 1);
      assertThat(rig.outbox.reader().counters()).allMatch(counter -> counter.quantity() == 2);
      await().atMost(Patience.SOON).until(() -> rig.outbox.queue().inFlight().isEmpty());
    }
  }
}

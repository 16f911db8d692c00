package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A delivery on a real outbox, and a server for it. */
abstract class DeliveryScene {
  static final Duration SOON = Patience.SOON;

  @TempDir Path directory;
  Rig rig;
  final Receiver receiver = Receiver.start();

  @BeforeEach
  void open() throws IOException {
    rig = new Rig(directory);
  }

  @AfterEach
  void close() throws IOException {
    rig.close();
    receiver.close();
  }

  /** The first n are answered when all of them are there, and each later one after a moment. */
  static Behaviour together(int n) {
    CountDownLatch missing = new CountDownLatch(n);
    Behaviour answer = Behaviour.delayed(ofMillis(20));
    return request -> {
      missing.countDown();
      try {
        // Where they never come together the assertion tells.
        boolean unused = missing.await(SOON.toSeconds() / 2, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return answer.react(request);
    };
  }

  void awaitCount(State state, long n) {
    await().atMost(SOON).untilAsserted(() -> assertThat(rig.count(state)).isEqualTo(n));
  }
}

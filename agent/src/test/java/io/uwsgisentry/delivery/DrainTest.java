package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import java.time.Clock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The last round before an agent ends. */
class DrainTest extends DeliveryScene {
  @Test
  void drainTriesWhatIsInBackoffAtOnce() throws Exception {
    rig.close();
    RetryPolicy slow = new RetryPolicy(ofSeconds(3600), ofSeconds(3600), ofMillis(5), 8);
    rig = new Rig(directory.resolve("drain"), slow, Clock.systemUTC());
    receiver.behave(Behaviour.status(500));
    rig.store(5, Rig.to(receiver.dsn()));
    rig.delivery.start();
    await().atMost(SOON).until(() -> rig.entries().stream().anyMatch(e -> e.attempts() == 1));
    receiver.behave(Behaviour.healthy());

    assertThat(rig.delivery.drain(SOON)).isTrue();
    assertThat(rig.count(State.DELIVERED)).isEqualTo(5);
  }

  @Test
  void drainOfNothingIsOverAtOnce() {
    rig.delivery.start();
    long start = System.nanoTime();
    assertThat(rig.delivery.drain(SOON)).isTrue();
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(SOON.dividedBy(2));
  }

  @Test
  void drainEndsInTimeWithASilentServerAndNothingIsLost() throws Exception {
    receiver.behave(Behaviour.silent());
    rig.store(5, Rig.to(receiver.dsn(), ofSeconds(60)));
    rig.delivery.start();
    long start = System.nanoTime();

    assertThat(rig.delivery.drain(ofMillis(300))).isFalse();
    rig.delivery.close();

    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(ofSeconds(30));
    assertThat(rig.count(State.READY)).isEqualTo(5);
  }

  @Test
  void drainGivesUpEarlyOnAServerThatCannotBeReached() throws Exception {
    receiver.close();
    rig.store(5, Rig.to(receiver.dsn()));
    rig.delivery.start();
    long start = System.nanoTime();

    assertThat(rig.delivery.drain(Patience.LONG)).isFalse();

    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Patience.LONG.dividedBy(2));
    assertThat(rig.count(State.READY)).isEqualTo(5);
  }
}

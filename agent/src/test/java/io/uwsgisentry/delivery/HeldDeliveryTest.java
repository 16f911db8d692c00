package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Received;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a server asks for, a limit or a pause, is kept to and loses nothing. */
class HeldDeliveryTest extends DeliveryScene {
  @Test
  void aRateLimitHoldsTheLaneAndLosesNothing() throws Exception {
    receiver.behave(
        Behaviour.firstThen(
            1,
            Behaviour.status(429, Map.of("X-Sentry-Rate-Limits", "1:error:key"), ""),
            Behaviour.healthy()));
    rig.store(10, Rig.to(receiver.dsn()));
    rig.delivery.start();

    receiver.awaitEvents(10, SOON);
    List<Received> requests = receiver.requests();
    assertThat(Duration.between(requests.get(0).at(), requests.get(1).at()))
        .isGreaterThanOrEqualTo(ofMillis(950));
    awaitCount(State.DELIVERED, 10);
    assertThat(requests).hasSize(11);
  }

  @Test
  void aRateLimitOnAnAcceptedEventHoldsTheNextOnes() throws Exception {
    receiver.behave(Behaviour.status(200, Map.of("X-Sentry-Rate-Limits", "3600::org"), ""));
    rig.store(20, Rig.to(receiver.dsn()));
    rig.delivery.start();

    awaitCount(State.DELIVERED, 1);
    assertThat(rig.delivery.drain(ofMillis(300))).isFalse();
    assertThat(receiver.requests()).hasSize(1);
  }

  @Test
  void aLimitOnAnotherCategoryHoldsNothing() throws Exception {
    receiver.behave(
        Behaviour.status(200, Map.of("X-Sentry-Rate-Limits", "3600:transaction;replay:org"), ""));
    rig.store(20, Rig.to(receiver.dsn()));
    rig.delivery.start();
    awaitCount(State.DELIVERED, 20);
  }

  @Test
  void aHoldOutlivesTheAgent() throws Exception {
    receiver.behave(Behaviour.status(429));
    rig.store(1, Rig.to(receiver.dsn()));
    rig.delivery.start();
    receiver.awaitRequests(1, SOON);
    String key = Rig.to(receiver.dsn()).key();
    await().atMost(SOON).until(() -> rig.outbox.queue().holds(key).containsKey("error"));
    rig.close();
    receiver.behave(Behaviour.healthy());

    rig = new Rig(directory);
    rig.delivery.start();
    assertThat(rig.delivery.drain(ofMillis(300))).isFalse();
    assertThat(receiver.requests()).hasSize(1);
    rig.close();

    rig = new Rig(directory, Rig.QUICK, Clock.offset(Clock.systemUTC(), ofSeconds(61)));
    rig.delivery.start();
    receiver.awaitEvents(1, SOON);
  }

  @Test
  void aHoldThatAClockSetBackMadeLongerThanADayIsNoHold() throws Exception {
    Destination.To to = Rig.to(receiver.dsn());
    rig.outbox.queue().hold(to.key(), "", Instant.now().plus(Duration.ofDays(3)));
    rig.store(1, to);
    rig.delivery.start();
    receiver.awaitEvents(1, SOON);
  }

  @Test
  void retryAfterOfAFailingServerIsKeptToAndStored() throws Exception {
    receiver.behave(
        Behaviour.firstThen(
            1, Behaviour.status(503, Map.of("Retry-After", "1"), ""), Behaviour.healthy()));
    rig.store(3, Rig.to(receiver.dsn()));
    rig.delivery.start();

    receiver.awaitEvents(3, SOON);
    List<Received> requests = receiver.requests();
    assertThat(Duration.between(requests.get(0).at(), requests.get(1).at()))
        .isGreaterThanOrEqualTo(ofMillis(950));
    assertThat(rig.outbox.queue().holds(Rig.to(receiver.dsn()).key())).containsKey("");
  }
}

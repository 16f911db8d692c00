package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Ports;
import io.uwsgisentry.testkit.Received;
import io.uwsgisentry.testkit.Receiver;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** From a real outbox to real servers, good and bad. */
class DeliveryTest extends DeliveryScene {
  @Test
  void everythingReadyIsDeliveredOnceAndMarkedSo() throws Exception {
    List<String> ids = rig.store(500, Rig.to(receiver.dsn()));
    rig.delivery.start();

    receiver.awaitEvents(500, SOON);
    awaitCount(State.DELIVERED, 500);
    assertThat(receiver.requests()).hasSize(500);
    assertThat(receiver.eventIds()).containsExactlyInAnyOrderElementsOf(ids);
    assertThat(rig.count(State.READY)).isZero();
  }

  @Test
  void whatIsStoredLaterIsSentAtOnce() throws Exception {
    rig.delivery.start();
    rig.store(1, Rig.to(receiver.dsn()));
    receiver.awaitEvents(1, SOON);
    rig.store(1, Rig.to(receiver.dsn()));
    receiver.awaitEvents(2, SOON);
  }

  @Test
  void connectionsAreKept() throws Exception {
    rig.store(200, Rig.to(receiver.dsn()));
    rig.delivery.start();
    receiver.awaitEvents(200, SOON);
    // One for each request of a window, and others if all stands still until these are too old.
    assertThat(receiver.connections()).isLessThanOrEqualTo(3 * Rig.QUICK.window());
  }

  @Test
  void oneRequestIsInFlightUntilTheServerHasTakenOne() throws Exception {
    receiver.behave(Behaviour.firstThen(1, Behaviour.delayed(ofMillis(300)), together(2)));
    rig.store(60, Rig.to(receiver.dsn()));
    rig.delivery.start();

    receiver.awaitEvents(60, SOON);
    List<Received> requests = receiver.requests();
    assertThat(Duration.between(requests.get(0).at(), requests.get(1).at()))
        .isGreaterThanOrEqualTo(ofMillis(290));
    assertThat(receiver.mostInFlight()).isBetween(2, Rig.QUICK.window());
  }

  @Test
  void serverErrorsAreTriedAgainUntilTheServerTakesIt() throws Exception {
    receiver.behave(Behaviour.firstThen(3, Behaviour.status(503), Behaviour.healthy()));
    String id = rig.store(1, Rig.to(receiver.dsn())).get(0);
    rig.delivery.start();

    awaitCount(State.DELIVERED, 1);
    assertThat(receiver.requests()).hasSize(4);
    assertThat(receiver.counts().byStatus()).isEqualTo(Map.of(503, 3L, 200, 1L));
    assertThat(rig.entry(id).attempts()).isEqualTo(4);
  }

  @Test
  void networkErrorsAreTriedAgainUntilTheServerIsBack() throws Exception {
    int port = Ports.free();
    String id = rig.store(1, Rig.to("http://public@127.0.0.1:" + port + "/1")).get(0);
    rig.delivery.start();
    await().atMost(SOON).until(() -> rig.entry(id).attempts() >= 2);
    assertThat(rig.entry(id).lastError()).startsWith("cannot connect: ");
    assertThat(rig.entry(id).state()).isEqualTo(State.READY);

    try (Receiver back = Receiver.with().port(port).start()) {
      back.awaitEvents(1, SOON);
      awaitCount(State.DELIVERED, 1);
    }
    assertThat(rig.entry(id).lastError()).isNull();
  }

  @Test
  void afterAFailureTheWholeLaneWaits() throws Exception {
    rig.close();
    RetryPolicy slow = new RetryPolicy(ofSeconds(3600), ofSeconds(3600), ofSeconds(1000), 8);
    rig = new Rig(directory.resolve("slow"), slow, Clock.systemUTC());
    receiver.behave(Behaviour.status(500));
    rig.store(20, Rig.to(receiver.dsn()));
    rig.delivery.start();
    receiver.awaitRequests(1, SOON);
    await().atMost(SOON).until(() -> rig.entries().stream().anyMatch(e -> e.attempts() == 1));

    receiver.behave(Behaviour.healthy());
    rig.delivery.wake();
    // A round trip to another destination: after it, the lane had its chance.
    try (Receiver other = Receiver.start()) {
      rig.store(1, Rig.to(other.dsn()));
      other.awaitEvents(1, SOON);
    }
    assertThat(receiver.requests()).hasSize(1);
  }

  @Test
  void anEventThatTheServerAlwaysFailsOnDoesNotStopTheOthers() throws Exception {
    String poison = Rig.id(1);
    receiver.behave(
        request ->
            request.envelope().eventId().equals(poison)
                ? Behaviour.answer(500, Map.of(), "boom")
                : Behaviour.answer(200, Map.of(), ""));
    rig.store(50, Rig.to(receiver.dsn()));
    rig.delivery.start();

    awaitCount(State.DELIVERED, 49);
    assertThat(rig.entry(poison).state()).isEqualTo(State.READY);
    assertThat(rig.entry(poison).lastError()).isEqualTo("500: boom");
  }

  @Test
  void refusedEventsAreKeptAsDeadWithTheServersWordsAndCounted() throws Exception {
    receiver.behave(
        Behaviour.firstThen(
            1, Behaviour.status(400, Map.of(), "no timestamp"), Behaviour.healthy()));
    rig.store(2, Rig.to(receiver.dsn()));
    rig.delivery.start();

    awaitCount(State.DELIVERED, 1);
    awaitCount(State.DEAD, 1);
    assertThat(rig.entry(Rig.id(1)).lastError()).isEqualTo("400: no timestamp");
    assertThat(rig.outbox.reader().counters())
        .anyMatch(
            c ->
                c.name() == Counter.Name.DISCARDED
                    && c.reason().equals("send_error")
                    && c.quantity() == 1);
    assertThat(rig.log).anyMatch(line -> line.contains("refused event " + Rig.id(1)));
    assertThat(receiver.requests()).hasSize(2);
  }

  @Test
  void anEventThatIsTooLargeIsSentAgainSmallerUnderTheSameId() throws Exception {
    int limit = 60_000;
    receiver.behave(
        request ->
            request.content().length > limit
                ? Behaviour.answer(413, Map.of(), "too large")
                : Behaviour.answer(200, Map.of(), ""));
    String json =
        "{\"event_id\":\"%s\",\"message\":{\"formatted\":\"m\"},\"breadcrumbs\":\"%s\",\"threads\":\"%s\"}"
            .formatted(Rig.id(7), "b".repeat(150_000), "t".repeat(100_000));
    rig.store(List.of(Rig.event(7, json)), Rig.to(receiver.dsn()));
    rig.delivery.start();

    awaitCount(State.DELIVERED, 1);
    assertThat(receiver.requests()).hasSize(3);
    assertThat(receiver.eventIds()).containsExactly(Rig.id(7));
    assertThat(receiver.events().get(0).toString())
        .contains("formatted=m", "log lines: left out", "threads: left out");
    assertThat(rig.entry(Rig.id(7)).attempts()).isEqualTo(3);
  }

  @Test
  void anEventThatNoServerWouldTakeDiesAfterAFewSteps() throws Exception {
    receiver.behave(Behaviour.status(413, Map.of(), "too large"));
    String json =
        "{\"event_id\":\"%s\",\"message\":\"m\",\"breadcrumbs\":\"%s\"}"
            .formatted(Rig.id(7), "b".repeat(300_000));
    rig.store(List.of(Rig.event(7, json)), Rig.to(receiver.dsn()));
    rig.delivery.start();

    awaitCount(State.DEAD, 1);
    assertThat(rig.entry(Rig.id(7)).lastError()).isEqualTo("413: too large");
    assertThat(receiver.requests()).hasSizeLessThanOrEqualTo(4);
    assertThat(rig.outbox.reader().counters()).anyMatch(c -> c.reason().equals("send_error"));
  }

  @Test
  void anEntryInFlightWhenTheAgentEndedIsSentAgain() throws Exception {
    receiver.behave(Behaviour.silent());
    rig.store(1, Rig.to(receiver.dsn(), ofSeconds(60)));
    rig.delivery.start();
    receiver.awaitRequests(1, SOON);
    rig.close();
    receiver.behave(Behaviour.healthy());

    rig = new Rig(directory);
    assertThat(rig.entry(Rig.id(1)).attempts()).as("giving up is no attempt").isZero();
    rig.delivery.start();
    receiver.awaitEvents(1, SOON);
  }

  @Test
  void sentAtIsTheTimeOfSending() throws Exception {
    int port = Ports.free();
    rig.store(1, Rig.to("http://public@127.0.0.1:" + port + "/1"));
    rig.close();
    Instant later = Instant.parse("2027-01-01T00:00:00Z");

    rig = new Rig(directory, Rig.QUICK, Clock.fixed(later, ZoneOffset.UTC));
    try (Receiver back = Receiver.with().port(port).start()) {
      rig.delivery.start();
      assertThat(back.awaitEvents(1, SOON).get(0).envelope().headerJson())
          .containsEntry("sent_at", "2027-01-01T00:00:00Z");
    }
  }

  @Test
  void aConnectionThatTheServerClosesAfterEachAnswerCostsNoAttempt() throws Exception {
    receiver.behave(Behaviour.closing());
    rig.store(100, Rig.to(receiver.dsn()));
    rig.delivery.start();

    awaitCount(State.DELIVERED, 100);
    assertThat(receiver.eventIds()).hasSize(100);
  }

  @Test
  void aFailingServerIsToldToTheLogOnceAndItsReturnToo() throws Exception {
    receiver.behave(Behaviour.firstThen(5, Behaviour.status(502), Behaviour.healthy()));
    rig.store(3, Rig.to(receiver.dsn()));
    rig.delivery.start();
    awaitCount(State.DELIVERED, 3);
    await().atMost(SOON).until(() -> rig.log.size() >= 2);
    assertThat(rig.log)
        .hasSize(2)
        .anyMatch(line -> line.contains("fails, events are kept") && line.endsWith("502"))
        .anyMatch(line -> line.contains("works again"))
        .noneMatch(line -> line.contains("public@"));
  }

  @Test
  void debugAndTimeoutAreTheEntrysOwn() throws Exception {
    Dsn dsn = Dsn.parse(receiver.dsn());
    rig.store(1, new Destination.To(dsn, true, SOON, true));
    rig.store(1, new Destination.To(dsn, true, SOON, false));
    rig.delivery.start();
    awaitCount(State.DELIVERED, 2);
    assertThat(rig.log).hasSize(1).allMatch(text -> text.contains("> X-Sentry-Auth"));
  }

  @Test
  void nothingIsLostOrDoubledByAServerThatIsSometimesIll() throws Exception {
    long seed = System.nanoTime();
    java.util.Random random = new java.util.Random(seed);
    List<Behaviour.Reaction> moods =
        List.of(
            Behaviour.answer(200, Map.of(), ""),
            Behaviour.answer(200, Map.of(), "{}").thenClose(),
            Behaviour.answer(500, Map.of(), ""),
            new Behaviour.Reset(),
            new Behaviour.Hangup());
    receiver.behave(
        request -> {
          synchronized (random) {
            int n = random.nextInt(40);
            return moods.get(n < moods.size() ? n : 0);
          }
        });
    List<String> ids = new ArrayList<>(rig.store(300, Rig.to(receiver.dsn())));
    rig.delivery.start();

    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 300);
    List<String> accepted = receiver.accepted().stream().map(r -> r.envelope().eventId()).toList();
    assertThat(new HashSet<>(accepted)).as("seed %d", seed).containsAll(ids);
    for (Entry entry : rig.entries()) {
      assertThat(entry.state()).isEqualTo(State.DELIVERED);
    }
  }

  @Test
  void aFaultOfItsOwnIsToldToWhoeverWakesIt() throws Exception {
    receiver.behave(Behaviour.status(500));
    rig.store(1, Rig.to(receiver.dsn()));
    Delivery faulty =
        new Delivery(
            rig.outbox,
            Clock.systemUTC(),
            (level, line) -> {
              throw new UnsupportedOperationException("a log that fails");
            });
    faulty.start();

    await()
        .dontCatchUncaughtExceptions()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThatThrownBy(faulty::wake)
                    .isInstanceOf(IllegalStateException.class)
                    .hasRootCauseMessage("a log that fails"));
    faulty.close();
  }
}

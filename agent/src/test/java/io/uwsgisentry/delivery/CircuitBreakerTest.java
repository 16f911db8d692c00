package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that rejects the DSN: what is for it is kept until somebody fixes what is wrong. */
class CircuitBreakerTest {
  private static final Duration SOON = Patience.SOON;

  /** Pauses of hours: what is tried again is tried for another reason than time. */
  private static final RetryPolicy PATIENT =
      new RetryPolicy(ofSeconds(3600), ofSeconds(3600), ofMillis(5), 8);

  @TempDir Path directory;
  private Rig rig;
  private final Receiver receiver = Receiver.start();
  private final Destination.To to = Rig.to(receiver.dsn());

  @BeforeEach
  void open() throws IOException {
    rig = new Rig(directory, PATIENT, Clock.systemUTC());
  }

  @AfterEach
  void close() throws IOException {
    rig.close();
    receiver.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404})
  void everythingIsKeptAndAFewRequestsAreEnoughToKnow(int status) throws Exception {
    receiver.behave(Behaviour.status(status, Map.of(), "go away"));
    rig.store(20, to);
    rig.delivery.start();
    awaitOpenCircuit();
    roundTripElsewhere();

    assertThat(receiver.requests()).hasSize(CircuitBreaker.FEW);
    assertThat(rig.count(State.READY)).isEqualTo(20);
    assertThat(rig.outbox.reader().counters()).isEmpty();
    assertThat(openCircuit())
        .extracting(OpenCircuit::status, OpenCircuit::words, OpenCircuit::probes)
        .containsExactly(status, status + ": go away", 1);
    assertThat(rig.log)
        .hasSize(1)
        .allMatch(
            line ->
                line.contains(
                        "rejected the DSN ("
                            + status
                            + "), sending is paused and events are kept: it ")
                    && line.contains("fix"));
  }

  @Test
  void theFirstEventTakenReleasesAll() throws Exception {
    rig.close();
    rig = new Rig(directory.resolve("quick"));
    receiver.behave(Behaviour.firstThen(3, Behaviour.status(403), Behaviour.healthy()));
    rig.store(50, to);
    rig.delivery.start();

    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 50);
    assertThat(receiver.requests()).hasSize(53);
    assertThat(rig.outbox.queue().circuit(to.key())).isEmpty();
    await().atMost(SOON).until(() -> rig.log.size() == 2);
    assertThat(rig.log).anyMatch(line -> line.contains("works again after"));
  }

  @Test
  void aPersonsRetryTriesAtOnce() throws Exception {
    receiver.behave(
        Behaviour.firstThen(CircuitBreaker.FEW, Behaviour.status(401), Behaviour.healthy()));
    List<String> ids = rig.store(10, to);
    rig.delivery.start();
    awaitOpenCircuit();

    try (Outbox elsewhere = Outbox.open(rig.db)) {
      elsewhere.retry(ids.subList(3, 4), handler -> to);
    }
    rig.delivery.wake();
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 10);
  }

  @Test
  void aRetryOfAServerThatStillRefusesIsAFewRequests() throws Exception {
    receiver.behave(Behaviour.status(401));
    List<String> ids = rig.store(10, to);
    rig.delivery.start();
    awaitOpenCircuit();

    rig.outbox.retry(ids, handler -> to);
    rig.delivery.wake();
    await().atMost(SOON).until(() -> openCircuit().probes() == 2);
    receiver.awaitRequests(2 * CircuitBreaker.FEW, SOON);
    roundTripElsewhere();
    assertThat(receiver.requests()).hasSize(2 * CircuitBreaker.FEW);
  }

  @Test
  void aChangedConfigurationAndAStartedAgentTryAtOnce() throws Exception {
    receiver.behave(Behaviour.status(403));
    rig.store(10, to);
    rig.delivery.start();
    awaitOpenCircuit();
    rig.close();

    rig = new Rig(directory, PATIENT, Clock.systemUTC());
    receiver.behave(Behaviour.healthy());
    // What every agent does when it starts, and when a server tells of its configuration.
    rig.outbox.intake().resolve(handler -> to);
    rig.delivery.start();
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 10);
  }

  @Test
  void itIsKnownAfterARestart() throws Exception {
    receiver.behave(Behaviour.status(403));
    rig.store(10, to);
    rig.delivery.start();
    awaitOpenCircuit();
    rig.close();

    rig = new Rig(directory, PATIENT, Clock.systemUTC());
    rig.delivery.start();
    roundTripElsewhere();
    assertThat(receiver.requests()).hasSize(CircuitBreaker.FEW);
    assertThat(openCircuit().status()).isEqualTo(403);
  }

  @Test
  void anEventThatAloneIsDeniedDoesNotKeepTheCircuitOpenForEver() throws Exception {
    rig.close();
    rig = new Rig(directory.resolve("quick"));
    String odd = Rig.id(1);
    receiver.behave(
        request ->
            request.envelope().eventId().equals(odd)
                ? Behaviour.answer(403, Map.of(), "blocked by a filter")
                : Behaviour.answer(200, Map.of(), ""));
    rig.store(20, to);
    rig.delivery.start();

    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 19);
    rig.store(200, to);
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 219);
  }

  @Test
  void theEndOfTheAgentTriesOnceAndNoMore() throws Exception {
    receiver.behave(Behaviour.status(403));
    rig.store(10, to);
    rig.delivery.start();
    awaitOpenCircuit();

    assertThat(rig.delivery.drain(SOON)).isFalse();
    assertThat(receiver.requests()).hasSize(CircuitBreaker.FEW + 1);
    assertThat(rig.count(State.READY)).isEqualTo(10);
  }

  private OpenCircuit openCircuit() {
    try {
      return rig.outbox.queue().circuit(to.key()).orElseThrow();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** The first round is over. */
  private void awaitOpenCircuit() {
    await().atMost(SOON).until(() -> rig.outbox.queue().circuit(to.key()).isPresent());
    await()
        .atMost(SOON)
        .until(
            () ->
                rig.entries().stream().filter(entry -> entry.attempts() > 0).count()
                    == CircuitBreaker.FEW);
  }

  /** After it the lane had its chance. */
  private void roundTripElsewhere() throws IOException {
    try (Receiver other = Receiver.start()) {
      rig.store(List.of(Rig.event(1000)), Rig.to(other.dsn()));
      other.awaitEvents(1, SOON);
      await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 1);
    }
  }
}

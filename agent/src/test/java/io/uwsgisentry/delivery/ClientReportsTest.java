package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Discarded;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Received;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Servers are told what they did not get. */
class ClientReportsTest {
  private static final Duration SOON = Patience.SOON;

  @TempDir Path directory;
  private Rig rig;
  private final Receiver receiver = Receiver.start();
  private final Destination.To to = Rig.to(receiver.dsn());

  @BeforeEach
  void open() throws IOException {
    rig = rig(ofMillis(50));
  }

  private Rig rig(Duration every) throws IOException {
    return new Rig(
        directory.resolve("every " + every),
        new RetryPolicy(ofMillis(20), ofMillis(100), ofMillis(5), 8, every),
        Clock.systemUTC());
  }

  @AfterEach
  void close() throws IOException {
    rig.close();
    receiver.close();
  }

  @Test
  void aRefusedEventIsReportedAsTheSumOfItsOccurrences() throws Exception {
    receiver.behave(Behaviour.firstThen(1, Behaviour.status(400), Behaviour.healthy()));
    Batch batch = new Batch("sealed-1", 1);
    batch.summary(Rig.event(1), 1, 1, 500, to, 0);
    rig.outbox.intake().store(batch);
    rig.delivery.start();

    List<Received> requests = receiver.awaitRequests(2, SOON);
    assertThat(envelope(requests.get(1)))
        .startsWith("{\"sent_at\":\"")
        .contains("{\"type\":\"client_report\",\"length\":")
        .contains(
            "\"discarded_events\":[{\"reason\":\"send_error\",\"category\":\"error\",\"quantity\":500}]}")
        .doesNotContain("event_id");
    await().atMost(SOON).until(() -> rig.outbox.queue().reportsDue().isEmpty());
  }

  @Test
  void whatIsTakenIsToldOnce() throws Exception {
    discard(7);
    rig.delivery.start();
    receiver.awaitRequests(1, SOON);
    await().atMost(SOON).until(() -> rig.outbox.queue().reportsDue().isEmpty());
    discard(3);
    List<Received> requests = receiver.awaitRequests(2, SOON);
    await().atMost(SOON).until(() -> rig.outbox.queue().reportsDue().isEmpty());

    assertThat(requests).hasSize(2);
    assertThat(envelope(requests.get(0))).contains("\"quantity\":7");
    assertThat(envelope(requests.get(1))).contains("\"quantity\":3");
  }

  @Test
  void aReportThatFailsIsKeptAndSentAgain() throws Exception {
    receiver.behave(Behaviour.firstThen(2, Behaviour.status(503), Behaviour.healthy()));
    discard(7);
    rig.delivery.start();

    await().atMost(SOON).until(() -> rig.outbox.queue().reportsDue().isEmpty());
    assertThat(receiver.requests()).hasSize(3);
    assertThat(envelope(receiver.accepted().get(0))).contains("\"quantity\":7");
  }

  @Test
  void aLimitOnErrorsDoesNotHoldReportsBackAndOneOnEverythingDoes() throws Exception {
    rig.outbox.queue().hold(to.key(), "error", Instant.now().plusSeconds(600));
    rig.store(1, to);
    discard(7);
    rig.delivery.start();
    receiver.awaitRequests(1, SOON);
    await().atMost(SOON).until(() -> rig.outbox.queue().reportsDue().isEmpty());
    assertThat(rig.count(State.READY)).isEqualTo(1);
    rig.close();

    rig = rig(ofMillis(51));
    rig.outbox.queue().hold(to.key(), "", Instant.now().plusSeconds(600));
    discard(7);
    rig.delivery.start();
    assertThat(rig.delivery.drain(SOON)).isTrue();
    assertThat(receiver.requests()).hasSize(1);
    assertThat(rig.outbox.queue().reportsDue()).hasSize(1);
  }

  @Test
  void theyWaitForTheirTimeAndADrainSendsThemNow() throws Exception {
    rig.close();
    rig = rig(ofSeconds(3600));
    discard(7);
    rig.store(5, to);
    rig.delivery.start();
    receiver.awaitEvents(5, SOON);
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 5);
    assertThat(receiver.requests()).hasSize(5);

    assertThat(rig.delivery.drain(SOON)).isTrue();
    assertThat(receiver.requests()).hasSize(6);
    assertThat(rig.outbox.queue().reportsDue()).isEmpty();
  }

  @Test
  void anAnswerOf429IsNoLossAndIsNotReported() throws Exception {
    receiver.behave(
        Behaviour.firstThen(
            3, Behaviour.status(429, Map.of("Retry-After", "1"), ""), Behaviour.healthy()));
    rig.store(2, to);
    rig.delivery.start();
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 2);
    assertThat(rig.outbox.queue().reportsDue()).isEmpty();
    assertThat(rig.outbox.reader().counters()).isEmpty();
  }

  @Test
  void oneThatIsRefusedIsNotSentForEver() throws Exception {
    receiver.behave(Behaviour.status(400));
    discard(7);
    rig.delivery.start();
    await().atMost(SOON).until(() -> rig.outbox.queue().reportsDue().isEmpty());
    assertThat(receiver.requests()).hasSize(1);
    assertThat(rig.outbox.reader().counters()).hasSize(1);
  }

  @Test
  void theLargestIsBelowFourKibibytes() {
    List<Discarded> all = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      all.add(new Discarded("internal_sdk_error", "trace_metric_byte", Long.MAX_VALUE));
    }
    assertThat(ClientReports.payload(all, Instant.now())).hasSizeLessThan(4096);
  }

  private void discard(long quantity) throws IOException {
    Batch batch = new Batch("sealed-1", 1);
    batch.discarded(to, DiscardReason.SAMPLE_RATE, "error", quantity);
    rig.outbox.intake().store(batch);
    rig.delivery.wake();
  }

  private static String envelope(Received request) {
    return new String(request.content(), java.nio.charset.StandardCharsets.UTF_8);
  }
}

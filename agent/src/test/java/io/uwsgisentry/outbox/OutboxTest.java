package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is stored, sent, given up and tried again. */
class OutboxTest extends OutboxScene {
  @Test
  void whatWasStoredIsReadyForItsDestinationAfterReopeningToo() throws IOException {
    assertThat(store(to("a.example"), 1, 2)).isEqualTo(new IntakeStore.Stored(2, 2, 0));
    store(to("b.example"), 3);
    reopen();

    assertThat(outbox.queue().destinationsReady(now))
        .containsExactlyInAnyOrder(to("a.example").key(), to("b.example").key());
    Entry entry =
        outbox.queue().ready(to("a.example").key(), now, 1, Long.MAX_VALUE, Set.of()).get(0);
    assertThat(entry)
        .usingRecursiveComparison()
        .isEqualTo(
            new Entry(
                id(1),
                State.READY,
                to("a.example").key(),
                to("a.example").dsn(),
                true,
                Route.USUAL,
                Duration.ofSeconds(4),
                false,
                "error",
                "error",
                "Title 1",
                "shop",
                "alarm seen",
                NOW.plusNanos(1_000),
                1,
                0,
                0,
                null,
                null,
                null,
                "{\"n\":1}".getBytes(StandardCharsets.UTF_8)));
    assertThat(ready("b.example")).containsExactly(id(3));
  }

  @Test
  void readyLeavesOutWhatIsUnderWayAndKeepsTheOrder() throws IOException {
    store(to("a.example"), 1, 2, 3, 4);

    assertThat(
            outbox
                .queue()
                .ready(to("a.example").key(), now, 2, Long.MAX_VALUE, Set.of(id(1), id(3))))
        .extracting(Entry::id)
        .containsExactly(id(2), id(4));
  }

  @Test
  void readyEndsWithTheEntryThatReachesItsBytes() throws IOException {
    store(to("a.example"), 1, 2, 3, 4);
    int one = outbox.reader().find(id(1), 1).get(0).payload().length;

    assertThat(outbox.queue().ready(to("a.example").key(), now, 100, one + 1, Set.of())).hasSize(2);
    assertThat(outbox.queue().ready(to("a.example").key(), now, 100, 1, Set.of())).hasSize(1);
  }

  @Test
  void whatIsSentAfterAllWasNotGivenUpAndWhatIsGivenUpAgainIsCountedOnce() throws IOException {
    store(to("a.example"), 1, 2);
    for (int number : new int[] {1, 2}) {
      outbox
          .queue()
          .settle(
              List.of(new Settlement.Dead(id(number), DiscardReason.SEND_ERROR, "400 no", NOW)));
    }
    assertThat(counted(Counter.Name.DISCARDED)).containsEntry("send_error/error", 2L);

    outbox.retry(List.of(id(1), id(2)), handler -> to("a.example"));
    assertThat(counted(Counter.Name.DISCARDED)).isEmpty();
    assertThat(outbox.queue().reportsDue()).isEmpty();

    outbox
        .queue()
        .settle(
            List.of(
                new Settlement.Delivered(id(1), NOW, 200),
                new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "400 no", NOW)));
    assertThat(counted(Counter.Name.DISCARDED)).containsEntry("send_error/error", 1L);
    assertThat(outbox.queue().unreported(to("a.example").key(), 10))
        .containsExactly(new Discarded("send_error", "error", 1));
  }

  @Test
  void anIdIsTakenOnce() throws IOException {
    store(to("a.example"), 1);

    assertThat(store(to("a.example"), 1, 2, 2)).isEqualTo(new IntakeStore.Stored(1, 1, 2));
    assertThat(ready("a.example")).containsExactly(id(1), id(2));
  }

  @Test
  void idsOfEntriesAndOfRecordsWithoutAnEntryAreKnown() throws IOException {
    Batch batch = new Batch("sealed-1", 10);
    batch.event(event(1), record(1), to("a.example"));
    batch.consumed(id(2));
    outbox.intake().store(batch);
    reopen();

    assertThat(outbox.intake().known(List.of(id(1), id(2), id(3))))
        .containsExactlyInAnyOrder(id(1), id(2));
  }

  @Test
  void aBatchThatFailsLeavesNothingBehind() throws IOException {
    Batch batch = new Batch("sealed-1", 10);
    batch.event(event(1), record(1), to("new.example"));
    batch.consumed("not hex");
    assertThatThrownBy(() -> outbox.intake().store(batch))
        .isInstanceOf(IllegalArgumentException.class);

    assertThat(outbox.intake().known(List.of(id(1)))).isEmpty();
    assertThat(outbox.intake().begin("sealed-1").position()).isZero();
    store(to("new.example"), 1);
    assertThat(ready("new.example")).containsExactly(id(1));
  }

  @Test
  void readingStartsWhereTheLastBatchEndedAndCountsAttemptsThere() throws IOException {
    assertThat(outbox.intake().begin("sealed-1")).isEqualTo(new IntakeStore.Reading(0, 1));
    assertThat(outbox.intake().begin("sealed-1")).isEqualTo(new IntakeStore.Reading(0, 2));
    store(to("a.example"), 1);
    reopen();

    assertThat(outbox.intake().begin("sealed-1")).isEqualTo(new IntakeStore.Reading(100, 2));
    assertThat(outbox.intake().begin("sealed-2")).isEqualTo(new IntakeStore.Reading(0, 1));
  }

  @Test
  void aDeliveredEntryStaysAsHistory() throws IOException {
    store(to("a.example"), 1, 2);

    outbox.queue().settle(List.of(new Settlement.Delivered(id(1), NOW, 200)));

    assertThat(ready("a.example")).containsExactly(id(2));
    Entry delivered = outbox.reader().find(id(1), 1).get(0);
    assertThat(delivered.state()).isEqualTo(State.DELIVERED);
    assertThat(delivered.settled()).isEqualTo(NOW);
    assertThat(delivered.attempts()).isEqualTo(1);
  }

  @Test
  void whenTheClockWasSetBackWhatWaitsWaitsAsLongAsBefore() throws IOException {
    store(to("a.example"), 1);
    String key = to("a.example").key();
    outbox
        .queue()
        .settle(List.of(new Settlement.Retry(id(1), NOW.plusSeconds(5), "connection refused")));
    outbox.queue().hold(key, "error", NOW.plusSeconds(60));

    Duration day = Duration.ofDays(1);
    now = NOW.minus(day);
    outbox.clockJumped(day.negated());

    assertThat(outbox.queue().nextReady()).contains(now.plusSeconds(5));
    assertThat(outbox.queue().holds(key)).containsEntry("error", now.plusSeconds(60));
  }

  @Test
  void whenTheClockWasSetAheadByAYearNothingIsTooOldForThat() throws IOException {
    store(to("a.example"), 1, 2);
    outbox.queue().settle(List.of(new Settlement.Delivered(id(2), NOW, 200)));

    now = NOW.plus(Duration.ofDays(365));
    outbox.clockJumped(Duration.ofDays(365));
    while (outbox.tidy(now, Set.of())) {
      // Until nothing is left to do.
    }

    assertThat(ready("a.example")).containsExactly(id(1));
    assertThat(outbox.reader().find(id(2), 1)).as("history").hasSize(1);
  }

  @Test
  void anEntryToBeSentAgainWaitsForItsTime() throws IOException {
    store(to("a.example"), 1);
    assertThat(outbox.queue().nextReady()).isEmpty();

    outbox
        .queue()
        .settle(List.of(new Settlement.Retry(id(1), NOW.plusSeconds(5), "connection refused")));

    assertThat(ready("a.example")).isEmpty();
    assertThat(outbox.queue().destinationsReady(now)).isEmpty();
    assertThat(outbox.queue().nextReady()).contains(NOW.plusSeconds(5));
    now = NOW.plusSeconds(5);
    Entry entry =
        outbox.queue().ready(to("a.example").key(), now, 1, Long.MAX_VALUE, Set.of()).get(0);
    assertThat(entry.attempts()).isEqualTo(1);
    assertThat(entry.lastError()).isEqualTo("connection refused");
    assertThat(outbox.queue().destinationsReady(now)).containsExactly(to("a.example").key());
  }

  @Test
  void howOftenAServerTurnedAnEntryAwayIsCountedByItselfUntilAPersonRetries() throws IOException {
    store(to("a.example"), 1);
    outbox
        .queue()
        .settle(
            List.of(
                new Settlement.Retry(id(1), NOW, "no connection"),
                new Settlement.Retry(id(1), NOW, "403"),
                new Settlement.Denied(id(1)),
                new Settlement.Retry(id(1), NOW, "503")));
    assertThat(outbox.reader().find(id(1), 1).get(0).attempts()).isEqualTo(3);
    assertThat(outbox.reader().find(id(1), 1).get(0).denials()).isEqualTo(1);

    outbox.retry(List.of(id(1)), handler -> to("a.example"));
    assertThat(outbox.reader().find(id(1), 1).get(0).denials()).isZero();
  }

  @Test
  void aDeadEntryIsCountedUnderItsReasonWithAllItStandsFor() throws IOException {
    store(to("a.example"), 1);
    Batch batch = new Batch("sealed-1", 200);
    batch.summary(event(2), SHOP_ALARM.hash(), 77, 41, to("a.example"), 0);
    outbox.intake().store(batch);

    outbox
        .queue()
        .settle(
            List.of(
                new Settlement.Dead(id(1), DiscardReason.SEND_ERROR, "400 bad", NOW),
                new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "400 bad", NOW),
                new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "settled twice", NOW)));

    assertThat(counted(Counter.Name.DISCARDED)).containsExactly(Map.entry("send_error/error", 42L));
    assertThat(outbox.reader().states()).containsOnlyKeys(State.DEAD);
    assertThat(outbox.reader().states().get(State.DEAD).occurrences()).isEqualTo(42);
    assertThat(outbox.reader().find(id(2), 1).get(0).lastError()).isEqualTo("400 bad");
  }

  @Test
  void anUnbuildableRecordIsKeptDeadAndCountedAndNeverSent() throws IOException {
    Batch batch = new Batch("sealed-1", 10);
    batch.unbuildable(
        event(1, "raw bytes"), record(1), "no builder for kind 99", new Destination.None());
    outbox.intake().store(batch);

    Entry entry = outbox.reader().find(id(1), 1).get(0);
    assertThat(entry.state()).isEqualTo(State.DEAD);
    assertThat(entry.lastError()).isEqualTo("no builder for kind 99");
    assertThat(entry.payload()).asString(StandardCharsets.UTF_8).isEqualTo("raw bytes");
    assertThat(counted(Counter.Name.DISCARDED)).containsEntry("internal_sdk_error/error", 1L);
    assertThat(outbox.retry(List.of(id(1)), handler -> to("a.example"))).isZero();
    assertThat(outbox.intake().lastOfStorm(77, null, SHOP_ALARM.hash())).isEmpty();
  }

  @Test
  void undeliverableAndLocalEntriesGoWhereTheirHandlerPointsNow() throws IOException {
    store(new Destination.Malformed("the DSN has no project"), 1);
    store(new Destination.None(), 2);
    assertThat(outbox.reader().find(id(1), 1).get(0).state()).isEqualTo(State.UNDELIVERABLE);
    assertThat(outbox.reader().find(id(1), 1).get(0).lastError())
        .isEqualTo("the DSN has no project");
    assertThat(outbox.reader().find(id(2), 1).get(0).state()).isEqualTo(State.LOCAL);
    assertThat(outbox.queue().destinationsReady(now)).isEmpty();

    assertThat(outbox.intake().resolve(handler -> new Destination.Malformed("still none")))
        .isZero();
    assertThat(outbox.reader().find(id(2), 1).get(0).lastError()).isEqualTo("still none");
    assertThat(
            outbox
                .intake()
                .resolve(
                    handler -> {
                      assertThat(handler).isEqualTo(SHOP_ALARM);
                      return to("a.example");
                    }))
        .isEqualTo(2);

    assertThat(ready("a.example")).containsExactly(id(1), id(2));
    assertThat(outbox.reader().find(id(1), 1).get(0).lastError()).isNull();
    assertThat(outbox.intake().resolve(handler -> to("other.example"))).isZero();
  }

  @Test
  void retryMakesDeadAndWaitingEntriesReadyAtOnce() throws IOException {
    store(to("a.example"), 1, 2, 3);
    store(new Destination.None(), 4);
    outbox
        .queue()
        .settle(
            List.of(
                new Settlement.Dead(id(1), DiscardReason.SEND_ERROR, "403", NOW),
                new Settlement.Retry(id(2), NOW.plusSeconds(900), "timeout"),
                new Settlement.Delivered(id(3), NOW, 200)));

    assertThat(outbox.retry(List.of(id(1), id(2), id(3), id(4)), handler -> to("a.example")))
        .isEqualTo(3);

    assertThat(ready("a.example")).containsExactly(id(1), id(2), id(4));
  }

  @Test
  void holdsSurviveAndTheLongerOneStays() throws IOException {
    outbox.queue().hold("k", "error", NOW.plusSeconds(60));
    outbox.queue().hold("k", "error", NOW.plusSeconds(30));
    outbox.queue().hold("k", "", NOW.plusSeconds(10));
    reopen();

    assertThat(outbox.queue().holds("k"))
        .containsOnly(Map.entry("error", NOW.plusSeconds(60)), Map.entry("", NOW.plusSeconds(10)));
    assertThat(outbox.queue().holds("other")).isEmpty();
  }
}

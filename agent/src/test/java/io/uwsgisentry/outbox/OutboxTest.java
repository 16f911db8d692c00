package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.settings.Reach;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutboxTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final Handler SHOP_ALARM =
      new Handler(
          Handler.hash("", "shop", "alarm seen"),
          "shop",
          "alarm seen",
          "level=error",
          Map.of("host", "web1", "empty", ""));

  @TempDir Path directory;
  private Path db;
  private Outbox outbox;
  private Instant now = NOW;

  private final Clock clock =
      new Clock() {
        @Override
        public Instant instant() {
          return now;
        }

        @Override
        public ZoneOffset getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(java.time.ZoneId zone) {
          throw new UnsupportedOperationException();
        }
      };

  @BeforeEach
  void open() throws IOException {
    db = directory.resolve("outbox.db");
    outbox = Outbox.open(db, clock);
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private void reopen() throws IOException {
    outbox.close();
    open();
  }

  private void reopen(Bounds bounds) throws IOException {
    outbox.close();
    outbox = Outbox.open(db, clock, bounds);
  }

  private static String id(int number) {
    return String.format("%032x", number);
  }

  private static Destination.To to(String host) {
    return new Destination.To(
        new Dsn("https", host, -1, "", "key", "secret", "1"), true, Duration.ofSeconds(4), false);
  }

  private static Record record(int number) {
    return new Record(
        id(number),
        Kind.ALARM.code(),
        ProcessKind.MASTER,
        false,
        false,
        0,
        1,
        0,
        -1,
        SHOP_ALARM.hash(),
        77,
        new Fields(List.of()));
  }

  private static Event event(int number) {
    return event(number, "{\"n\":" + number + "}");
  }

  private static Event event(int number, String payload) {
    return new Event(
        id(number),
        NOW.plusNanos(number * 1_000L),
        "error",
        "error",
        "Title " + number,
        payload.getBytes(StandardCharsets.UTF_8));
  }

  private Outbox.Stored store(Destination destination, int... numbers) throws IOException {
    Batch batch = new Batch("sealed-1", 100);
    batch.handler(SHOP_ALARM);
    for (int number : numbers) {
      batch.event(event(number), record(number), destination);
    }
    return outbox.store(batch);
  }

  private List<String> ready(String host) throws IOException {
    return outbox.ready(to(host).key(), now, 100, Long.MAX_VALUE, Set.of()).stream()
        .map(Entry::id)
        .toList();
  }

  private Map<String, Long> counted(Counter.Name name) throws IOException {
    return outbox.counters().stream()
        .filter(counter -> counter.name() == name)
        .collect(
            java.util.stream.Collectors.toMap(
                counter -> counter.reason() + "/" + counter.subject(), Counter::quantity));
  }

  @Test
  void whatWasStoredIsReadyForItsDestinationAfterReopeningToo() throws IOException {
    assertThat(store(to("a.example"), 1, 2)).isEqualTo(new Outbox.Stored(2, 2, 0));
    store(to("b.example"), 3);
    reopen();

    assertThat(outbox.destinationsReady(now))
        .containsExactlyInAnyOrder(to("a.example").key(), to("b.example").key());
    Entry entry = outbox.ready(to("a.example").key(), now, 1, Long.MAX_VALUE, Set.of()).get(0);
    assertThat(entry)
        .usingRecursiveComparison()
        .isEqualTo(
            new Entry(
                id(1),
                State.READY,
                to("a.example").key(),
                to("a.example").dsn(),
                true,
                Reach.USUAL,
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

    assertThat(outbox.ready(to("a.example").key(), now, 2, Long.MAX_VALUE, Set.of(id(1), id(3))))
        .extracting(Entry::id)
        .containsExactly(id(2), id(4));
  }

  @Test
  void readyEndsWithTheEntryThatReachesItsBytes() throws IOException {
    store(to("a.example"), 1, 2, 3, 4);
    int one = outbox.find(id(1), 1).get(0).payload().length;

    assertThat(outbox.ready(to("a.example").key(), now, 100, one + 1, Set.of())).hasSize(2);
    assertThat(outbox.ready(to("a.example").key(), now, 100, 1, Set.of())).hasSize(1);
  }

  @Test
  void whatIsSentAfterAllWasNotGivenUpAndWhatIsGivenUpAgainIsCountedOnce() throws IOException {
    store(to("a.example"), 1, 2);
    for (int number : new int[] {1, 2}) {
      outbox.settle(
          List.of(new Settlement.Dead(id(number), DiscardReason.SEND_ERROR, "400 no", NOW)));
    }
    assertThat(counted(Counter.Name.DISCARDED)).containsEntry("send_error/error", 2L);

    outbox.retry(List.of(id(1), id(2)), handler -> to("a.example"));
    assertThat(counted(Counter.Name.DISCARDED)).isEmpty();
    assertThat(outbox.destinationsToTell()).isEmpty();

    outbox.settle(
        List.of(
            new Settlement.Delivered(id(1), NOW, 200),
            new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "400 no", NOW)));
    assertThat(counted(Counter.Name.DISCARDED)).containsEntry("send_error/error", 1L);
    assertThat(outbox.unreported(to("a.example").key(), 10))
        .containsExactly(new Discarded("send_error", "error", 1));
  }

  @Test
  void anIdIsTakenOnce() throws IOException {
    store(to("a.example"), 1);

    assertThat(store(to("a.example"), 1, 2, 2)).isEqualTo(new Outbox.Stored(1, 1, 2));
    assertThat(ready("a.example")).containsExactly(id(1), id(2));
  }

  @Test
  void idsOfEntriesAndOfRecordsWithoutAnEntryAreKnown() throws IOException {
    Batch batch = new Batch("sealed-1", 10);
    batch.event(event(1), record(1), to("a.example"));
    batch.consumed(id(2));
    outbox.store(batch);
    reopen();

    assertThat(outbox.known(List.of(id(1), id(2), id(3)))).containsExactlyInAnyOrder(id(1), id(2));
  }

  @Test
  void aBatchThatFailsLeavesNothingBehind() throws IOException {
    Batch batch = new Batch("sealed-1", 10);
    batch.event(event(1), record(1), to("new.example"));
    batch.consumed("not hex");
    assertThatThrownBy(() -> outbox.store(batch)).isInstanceOf(IllegalArgumentException.class);

    assertThat(outbox.known(List.of(id(1)))).isEmpty();
    assertThat(outbox.begin("sealed-1").position()).isZero();
    store(to("new.example"), 1);
    assertThat(ready("new.example")).containsExactly(id(1));
  }

  @Test
  void readingStartsWhereTheLastBatchEndedAndCountsAttemptsThere() throws IOException {
    assertThat(outbox.begin("sealed-1")).isEqualTo(new Outbox.Reading(0, 1));
    assertThat(outbox.begin("sealed-1")).isEqualTo(new Outbox.Reading(0, 2));
    store(to("a.example"), 1);
    reopen();

    assertThat(outbox.begin("sealed-1")).isEqualTo(new Outbox.Reading(100, 2));
    assertThat(outbox.begin("sealed-2")).isEqualTo(new Outbox.Reading(0, 1));
  }

  @Test
  void aDeliveredEntryStaysAsHistory() throws IOException {
    store(to("a.example"), 1, 2);

    outbox.settle(List.of(new Settlement.Delivered(id(1), NOW, 200)));

    assertThat(ready("a.example")).containsExactly(id(2));
    Entry delivered = outbox.find(id(1), 1).get(0);
    assertThat(delivered.state()).isEqualTo(State.DELIVERED);
    assertThat(delivered.settled()).isEqualTo(NOW);
    assertThat(delivered.attempts()).isEqualTo(1);
  }

  @Test
  void whenTheClockWasSetBackWhatWaitsWaitsAsLongAsBefore() throws IOException {
    store(to("a.example"), 1);
    String key = to("a.example").key();
    outbox.settle(List.of(new Settlement.Retry(id(1), NOW.plusSeconds(5), "connection refused")));
    outbox.hold(key, "error", NOW.plusSeconds(60));

    Duration day = Duration.ofDays(1);
    now = NOW.minus(day);
    outbox.clockJumped(day.negated());

    assertThat(outbox.nextReady()).contains(now.plusSeconds(5));
    assertThat(outbox.holds(key)).containsEntry("error", now.plusSeconds(60));
  }

  @Test
  void whenTheClockWasSetAheadByAYearNothingIsTooOldForThat() throws IOException {
    store(to("a.example"), 1, 2);
    outbox.settle(List.of(new Settlement.Delivered(id(2), NOW, 200)));

    now = NOW.plus(Duration.ofDays(365));
    outbox.clockJumped(Duration.ofDays(365));
    while (outbox.tidy(now, Set.of())) {
      // Until nothing is left to do.
    }

    assertThat(ready("a.example")).containsExactly(id(1));
    assertThat(outbox.find(id(2), 1)).as("history").hasSize(1);
  }

  @Test
  void anEntryToBeSentAgainWaitsForItsTime() throws IOException {
    store(to("a.example"), 1);
    assertThat(outbox.nextReady()).isEmpty();

    outbox.settle(List.of(new Settlement.Retry(id(1), NOW.plusSeconds(5), "connection refused")));

    assertThat(ready("a.example")).isEmpty();
    assertThat(outbox.destinationsReady(now)).isEmpty();
    assertThat(outbox.nextReady()).contains(NOW.plusSeconds(5));
    now = NOW.plusSeconds(5);
    Entry entry = outbox.ready(to("a.example").key(), now, 1, Long.MAX_VALUE, Set.of()).get(0);
    assertThat(entry.attempts()).isEqualTo(1);
    assertThat(entry.lastError()).isEqualTo("connection refused");
    assertThat(outbox.destinationsReady(now)).containsExactly(to("a.example").key());
  }

  @Test
  void howOftenAServerTurnedAnEntryAwayIsCountedByItselfUntilAPersonRetries() throws IOException {
    store(to("a.example"), 1);
    outbox.settle(
        List.of(
            new Settlement.Retry(id(1), NOW, "no connection"),
            new Settlement.Retry(id(1), NOW, "403", true),
            new Settlement.Retry(id(1), NOW, "503")));
    assertThat(outbox.find(id(1), 1).get(0).attempts()).isEqualTo(3);
    assertThat(outbox.find(id(1), 1).get(0).denials()).isEqualTo(1);

    outbox.retry(List.of(id(1)), handler -> to("a.example"));
    assertThat(outbox.find(id(1), 1).get(0).denials()).isZero();
  }

  @Test
  void aDeadEntryIsCountedUnderItsReasonWithAllItStandsFor() throws IOException {
    store(to("a.example"), 1);
    Batch batch = new Batch("sealed-1", 200);
    batch.summary(event(2), SHOP_ALARM.hash(), 77, 41, to("a.example"), 0);
    outbox.store(batch);

    outbox.settle(
        List.of(
            new Settlement.Dead(id(1), DiscardReason.SEND_ERROR, "400 bad", NOW),
            new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "400 bad", NOW),
            new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "settled twice", NOW)));

    assertThat(counted(Counter.Name.DISCARDED)).containsExactly(Map.entry("send_error/error", 42L));
    assertThat(outbox.states()).containsOnlyKeys(State.DEAD);
    assertThat(outbox.states().get(State.DEAD).occurrences()).isEqualTo(42);
    assertThat(outbox.find(id(2), 1).get(0).lastError()).isEqualTo("400 bad");
  }

  @Test
  void anUnbuildableRecordIsKeptDeadAndCountedAndNeverSent() throws IOException {
    Batch batch = new Batch("sealed-1", 10);
    batch.unbuildable(
        event(1, "raw bytes"), record(1), "no builder for kind 99", new Destination.None());
    outbox.store(batch);

    Entry entry = outbox.find(id(1), 1).get(0);
    assertThat(entry.state()).isEqualTo(State.DEAD);
    assertThat(entry.lastError()).isEqualTo("no builder for kind 99");
    assertThat(entry.payload()).asString(StandardCharsets.UTF_8).isEqualTo("raw bytes");
    assertThat(counted(Counter.Name.DISCARDED)).containsEntry("internal_sdk_error/error", 1L);
    assertThat(outbox.retry(List.of(id(1)), handler -> to("a.example"))).isZero();
    assertThat(outbox.lastOfFold(77, null, SHOP_ALARM.hash())).isEmpty();
  }

  @Test
  void undeliverableAndLocalEntriesGoWhereTheirHandlerPointsNow() throws IOException {
    store(new Destination.Malformed("the DSN has no project"), 1);
    store(new Destination.None(), 2);
    assertThat(outbox.find(id(1), 1).get(0).state()).isEqualTo(State.UNDELIVERABLE);
    assertThat(outbox.find(id(1), 1).get(0).lastError()).isEqualTo("the DSN has no project");
    assertThat(outbox.find(id(2), 1).get(0).state()).isEqualTo(State.LOCAL);
    assertThat(outbox.destinationsReady(now)).isEmpty();

    assertThat(outbox.resolve(handler -> new Destination.Malformed("still none"))).isZero();
    assertThat(outbox.find(id(2), 1).get(0).lastError()).isEqualTo("still none");
    assertThat(
            outbox.resolve(
                handler -> {
                  assertThat(handler).isEqualTo(SHOP_ALARM);
                  return to("a.example");
                }))
        .isEqualTo(2);

    assertThat(ready("a.example")).containsExactly(id(1), id(2));
    assertThat(outbox.find(id(1), 1).get(0).lastError()).isNull();
    assertThat(outbox.resolve(handler -> to("other.example"))).isZero();
  }

  @Test
  void retryMakesDeadAndWaitingEntriesReadyAtOnce() throws IOException {
    store(to("a.example"), 1, 2, 3);
    store(new Destination.None(), 4);
    outbox.settle(
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
    outbox.hold("k", "error", NOW.plusSeconds(60));
    outbox.hold("k", "error", NOW.plusSeconds(30));
    outbox.hold("k", "", NOW.plusSeconds(10));
    reopen();

    assertThat(outbox.holds("k"))
        .containsOnly(Map.entry("error", NOW.plusSeconds(60)), Map.entry("", NOW.plusSeconds(10)));
    assertThat(outbox.holds("other")).isEmpty();
  }

  @Test
  void countsAddUpOverBatches() throws IOException {
    for (int i = 0; i < 2; i++) {
      Batch batch = new Batch("sealed-1", i);
      batch.count(Counter.Name.DROPPED, "disk_full", "shop", 3);
      batch.count(Counter.Name.DROPPED, "disk_full", "shop", 4);
      batch.count(Counter.Name.DROPPED, "disk_full", "blog", 1);
      outbox.store(batch);
    }

    assertThat(counted(Counter.Name.DROPPED))
        .containsOnly(Map.entry("disk_full/shop", 14L), Map.entry("disk_full/blog", 2L));
  }

  @Test
  void aHandlerIsKnownAsItWasToldLast() throws IOException {
    store(to("a.example"), 1);
    Handler changed = new Handler(SHOP_ALARM.hash(), "shop", "alarm seen", "level=info", Map.of());
    Batch batch = new Batch("sealed-1", 200);
    batch.handler(changed);
    outbox.store(batch);
    reopen();

    assertThat(outbox.handler(SHOP_ALARM.hash())).contains(changed);
    assertThat(outbox.handlers()).containsExactly(changed);
    assertThat(outbox.handler(1)).isEmpty();
  }

  @Test
  void theHandlerHashIsThatOfTheSpecification() {
    // FNV-1a 64 of "5e7a11c0ffee0001\0shop\0alarm seen", computed apart from this program.
    assertThat(Long.toHexString(Handler.hash("5e7a11c0ffee0001", "shop", "alarm seen")))
        .isEqualTo("4ff87f4509c0f673");
  }

  @Test
  void theLastEventOfAFoldKeyIsFoundForItsDestinationOnly() throws IOException {
    store(to("a.example"), 1, 2);
    store(to("b.example"), 3);
    String a = to("a.example").key();

    assertThat(outbox.lastOfFold(77, a, 0).orElseThrow().id()).isEqualTo(id(2));
    assertThat(outbox.lastOfFold(78, a, 0)).isEmpty();
    assertThat(outbox.lastOfFold(77, to("c.example").key(), 0)).isEmpty();
    assertThat(outbox.lastOfFold(77, null, SHOP_ALARM.hash())).isEmpty();
  }

  @Test
  void entriesAreFoundByTheBeginningOfTheirId() throws IOException {
    Batch batch = new Batch("sealed-1", 1);
    for (String id : List.of("ab".repeat(16), "ac".repeat(16))) {
      Event event = event(1);
      batch.event(
          new Event(id, event.time(), "error", "error", "t", event.payload()),
          record(1),
          to("a.example"));
    }
    outbox.store(batch);

    assertThat(outbox.find("a", 10)).hasSize(2);
    assertThat(outbox.find("ABA", 10)).extracting(Entry::id).containsExactly("ab".repeat(16));
    assertThat(outbox.find("abababab-abab-abab-abab-abababababab", 10)).hasSize(1);
    assertThat(outbox.find("b", 10)).isEmpty();
    assertThat(outbox.find("", 10)).isEmpty();
    assertThat(outbox.find("x' OR 1", 10)).isEmpty();
  }

  @Test
  void listGivesTheNewestThatPassTheFilter() throws IOException {
    store(to("a.example"), 1, 2, 3);
    outbox.settle(List.of(new Settlement.Delivered(id(2), NOW, 200)));

    assertThat(outbox.list(Filter.ALL, 2)).extracting(Entry::id).containsExactly(id(3), id(2));
    assertThat(outbox.list(Filter.of(State.READY), 9))
        .extracting(Entry::id)
        .containsExactly(id(3), id(1));
    assertThat(
            outbox.list(
                new Filter(
                    Set.of(), "shop", "alarm seen", "error", "tITLE 3", NOW.plusNanos(3_000)),
                9))
        .extracting(Entry::id)
        .containsExactly(id(3));
    assertThat(outbox.list(new Filter(Set.of(), "blog", null, null, null, null), 9)).isEmpty();
    assertThat(outbox.list(new Filter(Set.of(), null, "hook-asap", null, null, null), 9)).isEmpty();
    assertThat(outbox.list(new Filter(Set.of(), null, null, "info", null, null), 9)).isEmpty();
    assertThat(outbox.list(Filter.ALL, 9).get(0).payload()).isEmpty();
  }

  @Test
  void theTallyOfADestinationSaysWhatWaitsAndWhatWentWrong() throws IOException {
    store(to("a.example"), 1, 2, 3);
    store(new Destination.None(), 4);
    outbox.settle(
        List.of(
            new Settlement.Delivered(id(1), NOW, 200),
            new Settlement.Retry(id(3), NOW.plusSeconds(1), "connection refused")));
    outbox.hold(to("a.example").key(), "error", NOW.plusSeconds(60));

    assertThat(outbox.destinations())
        .containsExactly(
            new DestinationTally(
                to("a.example").key(),
                to("a.example").dsn(),
                true,
                Reach.USUAL,
                Map.of(State.READY, 2L, State.DELIVERED, 1L),
                NOW.plusNanos(2_000),
                "connection refused",
                Map.of("error", NOW.plusSeconds(60)),
                null));
  }

  @Test
  void deliveredEntriesBeyondTheBoundsAreForgottenButNotTheirIds() throws IOException {
    store(to("a.example"), 1, 2, 3);
    for (int number : new int[] {1, 2}) {
      outbox.settle(List.of(new Settlement.Delivered(id(number), NOW, 200)));
    }
    reopen(Bounds.DEFAULT.with(InstanceOption.HISTORY, "7d,30"));

    while (outbox.tidy(now, Set.of())) {}

    assertThat(outbox.list(Filter.ALL, 9)).extracting(Entry::id).containsExactly(id(3), id(2));
    assertThat(outbox.known(List.of(id(1)))).containsExactly(id(1));
    assertThat(outbox.counters()).isEmpty();

    now = NOW.plus(Duration.ofDays(8));
    while (outbox.tidy(now, Set.of())) {}
    assertThat(outbox.list(Filter.ALL, 9)).extracting(Entry::id).containsExactly(id(3));
  }

  @Test
  void whatNobodyWillSendIsForgottenBeyondItsBoundAndCounted() throws IOException {
    store(new Destination.None(), 1, 2);
    store(to("a.example"), 3);
    outbox.settle(List.of(new Settlement.Dead(id(3), DiscardReason.SEND_ERROR, "400", NOW)));

    reopen(new Bounds(1000, 0, Duration.ofDays(7), 1000, 1000, Duration.ofDays(7), 1000));
    while (outbox.tidy(now, Set.of())) {}

    assertThat(outbox.list(Filter.ALL, 9)).isEmpty();
    assertThat(counted(Counter.Name.DISCARDED))
        .containsOnly(Map.entry("cache_overflow/error", 2L), Map.entry("send_error/error", 1L));
  }

  @Test
  void idsAreKnownForAnHourAndForgottenWithinThree() throws IOException {
    Batch batch = new Batch("sealed-1", 1);
    batch.consumed(id(1));
    outbox.store(batch);
    Batch other = new Batch("sealed-2", 1);
    other.consumed(id(2));
    outbox.store(other);
    outbox.finish(List.of("sealed-1"));

    for (int minutes = 0; minutes <= 60; minutes += 10) {
      now = NOW.plus(Duration.ofMinutes(minutes));
      reopen();
      outbox.tidy(now, Set.of("sealed-2"));
      assertThat(outbox.known(List.of(id(1), id(2)))).hasSize(2);
    }

    now = NOW.plus(Duration.ofHours(3));
    outbox.tidy(now, Set.of("sealed-2"));
    assertThat(outbox.known(List.of(id(1), id(2)))).isEmpty();
    assertThat(outbox.begin("sealed-1").position()).isZero();
    assertThat(outbox.begin("sealed-2").position()).isEqualTo(1);
  }

  @Test
  void idsOfAFloodHaveABoundedPlaceAndTheLastOnesAreKnown() throws IOException {
    reopen(Bounds.DEFAULT.with(InstanceOption.OUTBOX_MAX, "1m"));
    java.util.Random random = new java.util.Random(7);
    List<String> last = List.of();
    for (int i = 0; i < 60; i++) {
      List<String> ids =
          Stream.generate(() -> "%016x%016x".formatted(random.nextLong(), random.nextLong()))
              .limit(5_000)
              .toList();
      Batch batch = new Batch("sealed-1", i);
      ids.forEach(batch::consumed);
      outbox.store(batch);
      last = ids;
      if (i == 30) {
        reopen(Bounds.DEFAULT.with(InstanceOption.OUTBOX_MAX, "1m"));
      }
    }
    assertThat(outbox.known(last)).hasSize(5_000);
    outbox.close();
    assertThat(Files.size(db)).isLessThan(5_000_000);
  }

  @Test
  void aFinishedFileThatIsStillThereKeepsItsPosition() throws IOException {
    Batch batch = new Batch("sealed-1", 9);
    batch.consumed(id(1));
    outbox.store(batch);
    outbox.finish(List.of("sealed-1"));

    now = NOW.plus(Duration.ofHours(3));
    outbox.tidy(now, Set.of("sealed-1"));

    assertThat(outbox.begin("sealed-1").position()).isEqualTo(9);
    assertThat(outbox.known(List.of(id(1)))).hasSize(1);
  }

  @Test
  void theFileBecomesSmallAgain() throws IOException {
    int count = 3_000;
    for (int i = 0; i < count; i++) {
      Batch batch = new Batch("sealed-1", i);
      batch.event(event(i, "x".repeat(2_000)), record(i), to("a.example"));
      outbox.store(batch);
      outbox.settle(List.of(new Settlement.Delivered(id(i), NOW, 200)));
    }
    reopen();
    long before = Files.size(db);

    now = NOW.plus(Duration.ofDays(8));
    while (outbox.tidy(now, Set.of())) {}
    outbox.close();

    assertThat(before).isGreaterThan(6_000_000);
    assertThat(Files.size(db)).isLessThan(before / 20);
  }

  @Test
  void filesAreForTheirOwnerOnly() throws IOException {
    store(to("a.example"), 1);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files)
          .hasSize(3)
          .allSatisfy(
              file ->
                  assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                      .isEqualTo("rw-------"));
    }
  }

  @Test
  void aReaderSeesWhatTheAgentStoresAndMakesNoFile() throws IOException {
    store(to("a.example"), 1);
    Set<Path> before = files(directory);

    try (Outbox reader = Outbox.openReadOnly(db)) {
      assertThat(reader.list(Filter.ALL, 9)).hasSize(1);
      store(to("a.example"), 2);
      assertThat(reader.list(Filter.ALL, 9)).hasSize(2);
      assertThatThrownBy(() -> reader.hold("k", "", NOW)).isInstanceOf(OutboxException.class);
    }

    assertThat(files(directory)).isEqualTo(before);
  }

  @Test
  void aReaderMakesNoFileWhereNoAgentRuns() throws IOException {
    store(to("a.example"), 1);
    outbox.close();
    Set<Path> before = files(directory);
    assertThat(before).containsExactly(db);

    try (Outbox reader = Outbox.openReadOnly(db)) {
      assertThat(reader.list(Filter.ALL, 9)).hasSize(1);
      assertThat(reader.states()).containsOnlyKeys(State.READY);
      assertThat(files(directory)).isEqualTo(before);
    }
    assertThat(files(directory)).isEqualTo(before);
  }

  @Test
  void aReaderSeesWhatAKilledAgentStored(@TempDir Path killed) throws IOException {
    store(to("a.example"), 1);
    // What a SIGKILL leaves behind: all three files as they are.
    for (Path file : files(directory)) {
      Files.copy(file, killed.resolve(file.getFileName()));
    }
    Set<Path> before = files(killed);

    try (Outbox reader = Outbox.openReadOnly(killed.resolve("outbox.db"))) {
      assertThat(reader.list(Filter.ALL, 9)).hasSize(1);
    }

    assertThat(files(killed)).isEqualTo(before);
  }

  @Test
  void thereIsNothingToReadBeforeTheFirstAgent(@TempDir Path empty) {
    assertThatThrownBy(() -> Outbox.openReadOnly(empty.resolve("outbox.db")))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(files(empty)).isEmpty();
  }

  @Test
  void awkwardPathsAreOpenedAsTheyAre() throws IOException {
    Path odd = Files.createDirectories(directory.resolve("a b?mode=memory#%41é'"));
    try (Outbox other = Outbox.open(odd.resolve("outbox.db"))) {
      other.hold("k", "", NOW);
    }
    try (Outbox reader = Outbox.openReadOnly(odd.resolve("outbox.db"))) {
      assertThat(reader.holds("k")).hasSize(1);
    }
    assertThat(files(odd)).containsExactly(odd.resolve("outbox.db"));
  }

  @Test
  void theDatabaseOfANewerVersionIsLeftAlone() throws Exception {
    outbox.close();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + db);
        Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA user_version = 99");
    }

    assertThatThrownBy(() -> Outbox.open(db)).isInstanceOf(NewerOutboxException.class);
    assertThatThrownBy(() -> Outbox.openReadOnly(db))
        .isInstanceOf(NewerOutboxException.class)
        .hasMessageContaining("version 99");
  }

  @Test
  void aFileThatIsNoDatabaseIsToldApart() throws IOException {
    Path rubbish = directory.resolve("rubbish.db");
    Files.write(rubbish, new byte[10_000]);
    Files.writeString(rubbish, "not a database ".repeat(1_000));

    assertThatThrownBy(() -> Outbox.open(rubbish))
        .isInstanceOfSatisfying(OutboxException.class, e -> assertThat(e.corrupt()).isTrue());
  }

  @Test
  void whatWaitsForAStoredDsnThatCannotBeUsedWaitsForAnotherAndHoldsUpNobody() throws Exception {
    store(to("a.example"), 1);
    store(to("b.example"), 2);
    outbox.settle(List.of(new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "400", NOW)));
    store(to("b.example"), 3);
    String broken = to("a.example").key();
    outbox.close();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + db);
        Statement statement = connection.createStatement()) {
      statement.execute("UPDATE destinations SET dsn = 'gopher://x' WHERE key = '" + broken + "'");
    }
    open();

    assertThat(outbox.destinationsReady(now)).containsExactly(to("b.example").key());
    assertThat(outbox.destinations()).hasSize(1);
    assertThat(outbox.withdrawUnusable())
        .containsExactly(
            "the DSN's scheme is neither http nor https: write it as https://KEY@HOST/PROJECT");
    assertThat(outbox.find(id(1), 1).get(0).state()).isEqualTo(State.UNDELIVERABLE);
    assertThat(outbox.find(id(1), 1).get(0).lastError()).contains("scheme");

    assertThat(outbox.retry(List.of(id(1)), handler -> to("c.example"))).isEqualTo(1);
    assertThat(outbox.destinationsReady(now))
        .containsExactlyInAnyOrder(to("b.example").key(), to("c.example").key());
  }

  @Test
  void whatAnotherProcessWroteIsNoticedOnce() throws IOException {
    store(to("a.example"), 1);
    assertThat(outbox.changedElsewhere()).isFalse();
    store(to("a.example"), 2);
    assertThat(outbox.changedElsewhere()).isFalse();

    try (Outbox other = Outbox.open(db)) {
      other.retry(List.of(id(1)), handler -> to("a.example"));
    }

    assertThat(outbox.changedElsewhere()).isTrue();
    assertThat(outbox.changedElsewhere()).isFalse();
  }

  private static Set<Path> files(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return Set.copyOf(files.toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

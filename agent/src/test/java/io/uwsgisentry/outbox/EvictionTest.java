package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.InstanceOption;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What waits stays within its bounds; what goes is the least valuable, and is counted. */
class EvictionTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final Destination.To DEAD = to("dead.example");
  private static final Destination.To ALIVE = to("alive.example");
  private static final int SIZE = 2_000;

  /** Of 2 MiB, four fifths are for what waits: some 800 entries. */
  private static final Bounds SMALL = Bounds.of(Map.of(InstanceOption.OUTBOX_MAX, "2m"));

  @TempDir Path directory;
  private Path db;
  private Outbox outbox;
  private int stored;

  @BeforeEach
  void open() throws IOException {
    open(SMALL, NOW);
  }

  private void open(Bounds bounds, Instant now) throws IOException {
    if (outbox != null) {
      outbox.close();
    }
    db = directory.resolve("outbox.db");
    outbox = Outbox.open(db, Clock.fixed(now, ZoneOffset.UTC), bounds);
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private static Destination.To to(String host) {
    return new Destination.To(
        new Dsn("https", host, -1, "", "key", null, "1"), true, Duration.ofSeconds(4), false);
  }

  private List<String> store(int n, Destination to, String level, long fold, long occurrences)
      throws IOException {
    List<String> ids = new ArrayList<>();
    Batch batch = new Batch("sealed-1", ++stored);
    for (int i = 0; i < n; i++) {
      String id = "%032x".formatted(++stored);
      batch.summary(
          new Event(
              id,
              NOW,
              "error",
              level,
              "t",
              ("{\"x\":\"" + "x".repeat(SIZE) + "\"}").getBytes(StandardCharsets.UTF_8)),
          1,
          fold == 0 ? stored : fold,
          occurrences,
          to,
          0);
      ids.add(id);
    }
    outbox.intake().store(batch);
    return ids;
  }

  private long waiting(Destination.To to) throws IOException {
    return outbox.reader().destinations().stream()
        .filter(tally -> tally.key().equals(to.key()))
        .mapToLong(tally -> tally.entries().getOrDefault(State.READY, 0L))
        .sum();
  }

  private long waitingBytes() throws IOException {
    return outbox.reader().states().get(State.READY).bytes();
  }

  private Set<String> there() throws IOException {
    return outbox.reader().list(Filter.ALL, 10_000).stream()
        .map(Entry::id)
        .collect(Collectors.toSet());
  }

  private Map<String, Long> discarded() throws IOException {
    return outbox.reader().counters().stream()
        .collect(Collectors.toMap(Counter::reason, Counter::quantity, Long::sum));
  }

  @Test
  void whatWaitsNeverGrowsBeyondItsBoundAndEveryEventIsAccountedFor() throws IOException {
    for (int i = 0; i < 40; i++) {
      store(100, DEAD, "error", 0, 1);
      assertThat(waitingBytes()).isLessThanOrEqualTo(SMALL.waitingBytes());
    }
    assertThat(waiting(DEAD) + discarded().get("cache_overflow")).isEqualTo(4_000);
    assertThat(outbox.queue().unreported(DEAD.key(), 9))
        .containsExactly(
            new Discarded("cache_overflow", "error", discarded().get("cache_overflow")));
    assertThat(waitingBytes()).isGreaterThan(SMALL.waitingBytes() * 8 / 10);
  }

  @Test
  void aDeadDestinationLosesWhatItHoldsBeyondItsShareAndTheOthersLoseNothing() throws IOException {
    for (int i = 0; i < 20; i++) {
      store(100, DEAD, "fatal", 0, 1);
    }
    long before = waiting(DEAD);
    for (int i = 0; i < 3; i++) {
      store(100, ALIVE, "info", 0, 1);
    }
    assertThat(waiting(ALIVE)).isEqualTo(300);
    assertThat(waiting(DEAD)).isLessThan(before);
    assertThat(outbox.queue().unreported(ALIVE.key(), 9)).isEmpty();

    for (int i = 0; i < 20; i++) {
      store(100, ALIVE, "info", 0, 1);
    }
    assertThat((double) waiting(ALIVE) / waiting(DEAD)).isBetween(0.8, 1.3);
  }

  @Test
  void copiesGoBeforeSingleOnesThenByLevelAndTheOldestFirst() throws IOException {
    // The next to be sent stay whatever they are.
    List<String> next = store(100, DEAD, "debug", 0, 1);
    List<String> copies = store(200, DEAD, "fatal", 4711, 1);
    List<String> debug = store(100, DEAD, "debug", 0, 1);
    List<String> errors = store(200, DEAD, "error", 0, 1);
    List<String> warnings = store(100, DEAD, "warning", 0, 1);
    List<String> fatal = store(100, DEAD, "fatal", 0, 1);

    store(60, DEAD, "error", 0, 1);
    Set<String> there = there();
    assertThat(there).containsAll(next).containsAll(debug).containsAll(warnings);
    assertThat(there).as("the newest copies stay").containsAll(copies.subList(195, 200));
    assertThat(there).as("the oldest go first").doesNotContain(copies.get(0));
    assertThat(there).hasSizeLessThan(860);

    store(300, DEAD, "error", 0, 1);
    there = there();
    assertThat(there).doesNotContainAnyElementsOf(copies.subList(0, 195));
    assertThat(there).doesNotContain(debug.get(0)).containsAll(errors).containsAll(fatal);

    store(250, DEAD, "error", 0, 1);
    there = there();
    assertThat(there)
        .doesNotContainAnyElementsOf(debug)
        .doesNotContainAnyElementsOf(warnings)
        .doesNotContain(errors.get(0))
        .containsAll(next)
        .containsAll(fatal)
        .containsAll(copies.subList(195, 200));
  }

  @Test
  void oneThatStandsForManyIsCountedAsMany() throws IOException {
    store(100, DEAD, "debug", 0, 1);
    for (int i = 0; i < 10; i++) {
      store(100, DEAD, "error", 0, 1_000);
    }
    assertThat(discarded().get("cache_overflow") % 1_000).isZero();
    long kept = outbox.reader().states().get(State.READY).occurrences();
    assertThat(kept + discarded().get("cache_overflow")).isEqualTo(1_000_100);
  }

  @Test
  void aDestinationHasABoundInEntriesToo() throws IOException {
    open(Bounds.of(Map.of(InstanceOption.OUTBOX_ENTRIES, "500")), NOW);
    store(300, ALIVE, "error", 0, 1);
    for (int i = 0; i < 10; i++) {
      store(100, DEAD, "error", 0, 1);
      assertThat(waiting(DEAD)).isLessThanOrEqualTo(531);
    }
    assertThat(waiting(ALIVE)).isEqualTo(300);
    assertThat(waiting(DEAD) + discarded().get("queue_overflow")).isEqualTo(1_000);
  }

  @Test
  void anIdThatWasRemovedIsStillKnown() throws IOException {
    List<String> first = store(700, DEAD, "debug", 0, 1);
    store(600, DEAD, "error", 0, 1);
    Set<String> there = there();
    List<String> gone = first.stream().filter(id -> !there.contains(id)).toList();
    assertThat(gone).isNotEmpty();
    assertThat(outbox.intake().known(gone)).hasSize(gone.size());
  }

  @Test
  void whatHasWaitedTooLongIsDeadForTheReasonThatMadeItWait() throws IOException {
    Destination.To failing = to("failing.example");
    Destination.To held = to("held.example");
    String a = store(2, DEAD, "error", 0, 10).get(0);
    String b = store(1, failing, "error", 0, 1).get(0);
    store(1, held, "error", 0, 1);
    outbox
        .queue()
        .settle(
            List.of(
                new Settlement.Retry(a, NOW, "cannot connect: refused"),
                new Settlement.Retry(b, NOW, "503: queue full")));
    outbox.queue().hold(held.key(), "error", NOW.plus(Duration.ofDays(8)));

    Instant later = NOW.plus(Duration.ofDays(7)).minusSeconds(1);
    open(SMALL, later);
    while (outbox.tidy(later, Set.of())) {}
    assertThat(outbox.reader().states()).containsOnlyKeys(State.READY);

    later = later.plusSeconds(2);
    while (outbox.tidy(later, Set.of())) {}
    assertThat(outbox.reader().states()).containsOnlyKeys(State.DEAD);
    assertThat(outbox.reader().find(a, 1).get(0).lastError())
        .isEqualTo("waited longer than 7 days; cannot connect: refused");
    assertThat(discarded())
        .isEqualTo(Map.of("network_error", 20L, "send_error", 1L, "ratelimit_backoff", 1L));
    assertThat(outbox.queue().unreported(DEAD.key(), 9))
        .containsExactly(new Discarded("network_error", "error", 20));
  }

  @Test
  void whatAPersonWantsSentAgainWaitsFromThenOn() throws IOException {
    String id = store(1, DEAD, "error", 0, 1).get(0);
    outbox.queue().settle(List.of(new Settlement.Dead(id, DiscardReason.SEND_ERROR, "400", NOW)));
    Instant later = NOW.plus(Duration.ofDays(9));
    open(SMALL, later);
    outbox.retry(List.of(id), handler -> DEAD);
    while (outbox.tidy(later, Set.of())) {}
    assertThat(outbox.reader().find(id, 1).get(0).state()).isEqualTo(State.READY);
  }

  @Test
  void historyIsCompressedCanBeReadAndGivesItsSpaceBack() throws IOException {
    open(Bounds.DEFAULT, NOW);
    List<String> ids = store(1_000, ALIVE, "error", 0, 1);
    byte[] payload = outbox.reader().find(ids.get(0), 1).get(0).payload();
    outbox
        .queue()
        .settle(
            ids.stream().map(id -> (Settlement) new Settlement.Delivered(id, NOW, 200)).toList());
    long before = size();

    while (outbox.tidy(NOW, Set.of())) {}

    assertThat(outbox.reader().find(ids.get(0), 1).get(0).payload()).isEqualTo(payload);
    assertThat(outbox.reader().states().get(State.DELIVERED).bytes()).isLessThan(1_000 * SIZE / 10);
    assertThat(size()).isLessThan(before / 3);
  }

  @Test
  void ofAFloodTheNewestStayAsManyAsFitCompressed() throws IOException {
    int limit = 10 << 10;
    open(Bounds.of(Map.of(InstanceOption.HISTORY, "7d,10k")), NOW);
    List<String> ids = store(2_000, ALIVE, "error", 0, 1);
    outbox
        .queue()
        .settle(
            ids.stream().map(id -> (Settlement) new Settlement.Delivered(id, NOW, 200)).toList());

    while (outbox.tidy(NOW, Set.of())) {}

    Tally history = outbox.reader().states().get(State.DELIVERED);
    assertThat(history.bytes()).isBetween(limit - 100L, (long) limit);
    assertThat(there())
        .hasSizeGreaterThan(100)
        .containsExactlyInAnyOrderElementsOf(
            ids.subList(ids.size() - (int) history.entries(), ids.size()));
  }

  @Test
  void withoutHistoryNothingOfADeliveredEventStays() throws IOException {
    open(Bounds.of(Map.of(InstanceOption.HISTORY, "0")), NOW);
    List<String> ids = store(10, ALIVE, "error", 0, 1);
    outbox.queue().settle(List.of(new Settlement.Delivered(ids.get(0), NOW, 200)));
    while (outbox.tidy(NOW.plusMillis(1), Set.of())) {}
    assertThat(there()).hasSize(9).doesNotContain(ids.get(0));
  }

  private long size() throws IOException {
    outbox.close();
    long size = Files.size(db);
    open(Bounds.DEFAULT, NOW);
    return size;
  }
}

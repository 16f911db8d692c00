package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.InstanceOption;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is forgotten when, and that the file becomes small again. */
class MaintenanceTest extends OutboxScene {
  @Test
  void deliveredEntriesBeyondTheBoundsAreForgottenButNotTheirIds() throws IOException {
    store(to("a.example"), 1, 2, 3);
    for (int number : new int[] {1, 2}) {
      outbox.queue().settle(List.of(new Settlement.Delivered(id(number), NOW, 200)));
    }
    reopen(Bounds.of(Map.of(InstanceOption.HISTORY, "7d,30")));

    while (outbox.tidy(now, Set.of())) {}

    assertThat(outbox.reader().list(Filter.ALL, 9))
        .extracting(Entry::id)
        .containsExactly(id(3), id(2));
    assertThat(outbox.intake().known(List.of(id(1)))).containsExactly(id(1));
    assertThat(outbox.reader().counters()).isEmpty();

    now = NOW.plus(Duration.ofDays(8));
    while (outbox.tidy(now, Set.of())) {}
    assertThat(outbox.reader().list(Filter.ALL, 9)).extracting(Entry::id).containsExactly(id(3));
  }

  @Test
  void whatNobodyWillSendIsForgottenBeyondItsBoundAndCounted() throws IOException {
    store(new Destination.None(), 1, 2);
    store(to("a.example"), 3);
    outbox
        .queue()
        .settle(List.of(new Settlement.Dead(id(3), DiscardReason.SEND_ERROR, "400", NOW)));

    reopen(new Bounds(1000, 0, Duration.ofDays(7), 1000, 1000, Duration.ofDays(7), 1000));
    while (outbox.tidy(now, Set.of())) {}

    assertThat(outbox.reader().list(Filter.ALL, 9)).isEmpty();
    assertThat(counted(Counter.Name.DISCARDED))
        .containsOnly(Map.entry("cache_overflow/error", 2L), Map.entry("send_error/error", 1L));
  }

  @Test
  void idsAreKnownForAnHourAndForgottenWithinThree() throws IOException {
    Batch batch = new Batch("sealed-1", 1);
    batch.consumed(id(1));
    outbox.intake().store(batch);
    Batch other = new Batch("sealed-2", 1);
    other.consumed(id(2));
    outbox.intake().store(other);
    outbox.intake().finish(List.of("sealed-1"));

    for (int minutes = 0; minutes <= 60; minutes += 10) {
      now = NOW.plus(Duration.ofMinutes(minutes));
      reopen();
      outbox.tidy(now, Set.of("sealed-2"));
      assertThat(outbox.intake().known(List.of(id(1), id(2)))).hasSize(2);
    }

    now = NOW.plus(Duration.ofHours(3));
    outbox.tidy(now, Set.of("sealed-2"));
    assertThat(outbox.intake().known(List.of(id(1), id(2)))).isEmpty();
    assertThat(outbox.intake().begin("sealed-1").position()).isZero();
    assertThat(outbox.intake().begin("sealed-2").position()).isEqualTo(1);
  }

  @Test
  void idsOfAFloodHaveABoundedPlaceAndTheLastOnesAreKnown() throws IOException {
    reopen(Bounds.of(Map.of(InstanceOption.OUTBOX_MAX, "1m")));
    java.util.Random random = new java.util.Random(7);
    List<String> last = List.of();
    for (int i = 0; i < 60; i++) {
      List<String> ids =
          Stream.generate(() -> "%016x%016x".formatted(random.nextLong(), random.nextLong()))
              .limit(5_000)
              .toList();
      Batch batch = new Batch("sealed-1", i);
      ids.forEach(batch::consumed);
      outbox.intake().store(batch);
      last = ids;
      if (i == 30) {
        reopen(Bounds.of(Map.of(InstanceOption.OUTBOX_MAX, "1m")));
      }
    }
    assertThat(outbox.intake().known(last)).hasSize(5_000);
    outbox.close();
    assertThat(Files.size(db)).isLessThan(5_000_000);
  }

  @Test
  void aFinishedFileThatIsStillThereKeepsItsPosition() throws IOException {
    Batch batch = new Batch("sealed-1", 9);
    batch.consumed(id(1));
    outbox.intake().store(batch);
    outbox.intake().finish(List.of("sealed-1"));

    now = NOW.plus(Duration.ofHours(3));
    outbox.tidy(now, Set.of("sealed-1"));

    assertThat(outbox.intake().begin("sealed-1").position()).isEqualTo(9);
    assertThat(outbox.intake().known(List.of(id(1)))).hasSize(1);
  }

  @Test
  void theFileBecomesSmallAgain() throws IOException {
    int count = 3_000;
    for (int i = 0; i < count; i++) {
      Batch batch = new Batch("sealed-1", i);
      batch.event(event(i, "x".repeat(2_000)), record(i), to("a.example"));
      outbox.intake().store(batch);
      outbox.queue().settle(List.of(new Settlement.Delivered(id(i), NOW, 200)));
    }
    reopen();
    long before = Files.size(db);

    now = NOW.plus(Duration.ofDays(8));
    while (outbox.tidy(now, Set.of())) {}
    outbox.close();

    assertThat(before).isGreaterThan(6_000_000);
    assertThat(Files.size(db)).isLessThan(before / 20);
  }
}

package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is asked of the outbox: entries, handlers, counts, how things stand. */
class OutboxQuestionsTest extends OutboxScene {
  @Test
  void countsAddUpOverBatches() throws IOException {
    for (int i = 0; i < 2; i++) {
      Batch batch = new Batch("sealed-1", i);
      batch.count(Counter.Name.DROPPED, "disk_full", "shop", 3);
      batch.count(Counter.Name.DROPPED, "disk_full", "shop", 4);
      batch.count(Counter.Name.DROPPED, "disk_full", "blog", 1);
      outbox.intake().store(batch);
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
    outbox.intake().store(batch);
    reopen();

    assertThat(outbox.intake().handler(SHOP_ALARM.hash())).contains(changed);
    assertThat(outbox.reader().handlers()).containsExactly(changed);
    assertThat(outbox.intake().handler(1)).isEmpty();
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

    assertThat(outbox.intake().lastOfStorm(77, a, 0).orElseThrow().id()).isEqualTo(id(2));
    assertThat(outbox.intake().lastOfStorm(78, a, 0)).isEmpty();
    assertThat(outbox.intake().lastOfStorm(77, to("c.example").key(), 0)).isEmpty();
    assertThat(outbox.intake().lastOfStorm(77, null, SHOP_ALARM.hash())).isEmpty();
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
    outbox.intake().store(batch);

    assertThat(outbox.reader().find("a", 10)).hasSize(2);
    assertThat(outbox.reader().find("ABA", 10))
        .extracting(Entry::id)
        .containsExactly("ab".repeat(16));
    assertThat(outbox.reader().find("abababab-abab-abab-abab-abababababab", 10)).hasSize(1);
    assertThat(outbox.reader().find("b", 10)).isEmpty();
    assertThat(outbox.reader().find("", 10)).isEmpty();
    assertThat(outbox.reader().find("x' OR 1", 10)).isEmpty();
  }

  @Test
  void listGivesTheNewestThatPassTheFilter() throws IOException {
    store(to("a.example"), 1, 2, 3);
    outbox.queue().settle(List.of(new Settlement.Delivered(id(2), NOW, 200)));

    assertThat(outbox.reader().list(Filter.ALL, 2))
        .extracting(Entry::id)
        .containsExactly(id(3), id(2));
    assertThat(outbox.reader().list(Filter.of(State.READY), 9))
        .extracting(Entry::id)
        .containsExactly(id(3), id(1));
    assertThat(
            outbox
                .reader()
                .list(
                    new Filter(
                        Set.of(), "shop", "alarm seen", "error", "tITLE 3", NOW.plusNanos(3_000)),
                    9))
        .extracting(Entry::id)
        .containsExactly(id(3));
    assertThat(outbox.reader().list(new Filter(Set.of(), "blog", null, null, null, null), 9))
        .isEmpty();
    assertThat(outbox.reader().list(new Filter(Set.of(), null, "hook-asap", null, null, null), 9))
        .isEmpty();
    assertThat(outbox.reader().list(new Filter(Set.of(), null, null, "info", null, null), 9))
        .isEmpty();
    assertThat(outbox.reader().list(Filter.ALL, 9).get(0).payload()).isEmpty();
  }

  @Test
  void theTallyOfADestinationSaysWhatWaitsAndWhatWentWrong() throws IOException {
    store(to("a.example"), 1, 2, 3);
    store(new Destination.None(), 4);
    outbox
        .queue()
        .settle(
            List.of(
                new Settlement.Delivered(id(1), NOW, 200),
                new Settlement.Retry(id(3), NOW.plusSeconds(1), "connection refused")));
    outbox.queue().hold(to("a.example").key(), "error", NOW.plusSeconds(60));

    assertThat(outbox.reader().destinations())
        .containsExactly(
            new DestinationTally(
                to("a.example").key(),
                to("a.example").dsn(),
                true,
                Route.USUAL,
                Map.of(State.READY, 2L, State.DELIVERED, 1L),
                NOW.plusNanos(2_000),
                "connection refused",
                "connection refused",
                Map.of("error", NOW.plusSeconds(60)),
                null));
  }
}

package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.brief;
import static io.uwsgisentry.intake.Journal.id;
import static io.uwsgisentry.intake.PumpScene.DSN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.StormTally;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a journal full of equal faults to a handful of events with the exact count. */
class StormTest {
  private static final String OTHER = "https://key@sentry.example/2";

  @TempDir Path state;
  private PumpScene scene;

  @BeforeEach
  void open() throws IOException {
    scene = new PumpScene(state);
  }

  @AfterEach
  void close() throws IOException {
    scene.close();
  }

  /** An alarm of that instance, worker and time. */
  private static Record alarmOf(
      String instance, int number, int worker, String options, String defaults, long fold) {
    List<Fields.Field> fields = new ArrayList<>();
    String[] texts = {
      "instance", instance, "handler", Journal.HANDLER, "options", options, "text", "line " + number
    };
    for (int i = 0; i < texts.length; i += 2) {
      fields.add(new Fields.Field(texts[i], texts[i + 1].getBytes(StandardCharsets.UTF_8)));
    }
    for (String pair : defaults.isEmpty() ? new String[0] : defaults.split(",", -1)) {
      fields.add(
          new Fields.Field("default", pair.replace('=', '\0').getBytes(StandardCharsets.UTF_8)));
    }
    return new Record(
        id(number),
        Kind.ALARM.code(),
        ProcessKind.WORKER,
        false,
        false,
        Journal.micros(number),
        4711,
        worker,
        -1,
        Handler.hash(Journal.SERVER, instance, Journal.HANDLER),
        fold,
        new Fields(fields));
  }

  @Test
  void aStormIsTheFirstFewEventsAndOneThatTellsOfTheRest() throws Exception {
    for (int number = 1; number <= 1_000; number++) {
      scene.append(alarmOf("shop", number, 1 + number % 2, "dsn=" + DSN, "", 7));
    }
    scene.pass();
    assertThat(scene.entries()).hasSize(5);
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(995, 1));

    scene.later(Duration.ofSeconds(59));
    assertThat(scene.entries()).as("the window is open").hasSize(5);
    scene.later(Duration.ofSeconds(4));

    assertThat(scene.entries()).hasSize(6);
    Entry summary = scene.entries().get(0);
    assertThat(summary.occurrences()).isEqualTo(995);
    assertThat(summary.title()).isEqualTo("line 1000");
    assertThat(summary.id()).isNotEqualTo(id(1_000));
    assertThat(summary.time()).isEqualTo(Journal.time(1_000));
    Map<?, ?> extra = scene.extra(summary);
    assertThat(extra.get("occurrences")).isEqualTo(995L);
    assertThat(extra.get("first_occurrence")).isEqualTo(Journal.time(6).toString());
    assertThat(extra.get("last_occurrence")).isEqualTo(Journal.time(1_000).toString());
    assertThat(extra.get("most_frequent").toString())
        .contains("worker={1=498, 2=497}", "instance={shop=995}");
    assertThat(extra.get("summary")).isEqualTo("1,000 times in 1 s, 5 of them reported before");
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(0, 0));

    scene.later(Duration.ofDays(1));
    assertThat(scene.entries()).as("exactly one").hasSize(6);
  }

  @Test
  void instancesOfOneDirectoryShareAWindowAndDestinationsDoNot() throws Exception {
    for (int number = 1; number <= 30; number++) {
      String instance = number % 2 == 0 ? "shop" : "api";
      scene.append(alarmOf(instance, number, 1, "dsn=" + (number <= 20 ? DSN : OTHER), "", 7));
    }
    scene.pass();
    scene.flushStorms();

    assertThat(scene.entries()).extracting(Entry::occurrences).filteredOn(n -> n > 1).hasSize(2);
    assertThat(scene.entries()).hasSize(12);
    assertThat(scene.told()).isEqualTo(30);
    assertThat(scene.extra(scene.entries().get(1)).get("most_frequent").toString())
        .contains("shop=8", "api=7");
  }

  @Test
  void aRecordBeyondTheEndEndsTheWindowBeforeTheClockDoes() throws Exception {
    scene.clock().advance(Duration.ofSeconds(30));
    for (int number = 1; number <= 8; number++) {
      scene.append(alarm(number, DSN, 7));
    }
    // A minute later, in the same batch and in the next one.
    scene.append(alarm(60_000_001, DSN, 7));
    scene.pass();
    assertThat(scene.entries()).hasSize(7);
    for (int number = 60_000_002; number <= 60_000_010; number++) {
      scene.append(alarm(number, DSN, 7));
    }
    scene.pass();
    scene.append(alarm(120_000_002, DSN, 7));
    scene.pass();

    assertThat(scene.entries())
        .extracting(Entry::occurrences)
        .filteredOn(n -> n > 1)
        .containsExactly(5L, 3L);
    assertThat(scene.told()).isEqualTo(19);
  }

  @Test
  void theNextAgentGoesOnWithTheWindow() throws Exception {
    int number = 0;
    for (int life = 0; life < 10; life++) {
      for (int i = 0; i < 7; i++) {
        scene.append(alarm(++number, DSN, 7));
      }
      scene.pass();
      scene.killAndStart();
    }
    assertThat(scene.entries()).hasSize(5);
    scene.later(Duration.ofSeconds(63));

    assertThat(scene.entries()).hasSize(6);
    assertThat(scene.told()).isEqualTo(70);
  }

  @Test
  void atItsEndTheAgentTellsWhatItCountedAndTheNextOneGoesOnFolding() throws Exception {
    for (int number = 1; number <= 20; number++) {
      scene.append(alarm(number, DSN, 7));
    }
    scene.pass();
    scene.flushStorms();
    scene.flushStorms();
    assertThat(scene.entries())
        .extracting(Entry::occurrences)
        .containsExactly(15L, 1L, 1L, 1L, 1L, 1L);

    scene.killAndStart();
    for (int number = 21; number <= 40; number++) {
      scene.append(alarm(number, DSN, 7));
    }
    scene.pass();
    assertThat(scene.entries()).hasSize(6);
    scene.later(Duration.ofSeconds(63));
    assertThat(scene.entries().get(0).occurrences()).isEqualTo(20);
    assertThat(scene.extra(scene.entries().get(0)).get("summary"))
        .isEqualTo("40 times in 1 s, 20 of them reported before");
  }

  @Test
  void aClockThatJumpsEndsTheWindowOnceAndLosesNothing() throws Exception {
    for (int number = 1; number <= 10; number++) {
      scene.append(alarm(number, DSN, 7));
    }
    scene.pass();
    scene.clock().advance(Duration.ofDays(-30));
    scene.pass();
    assertThat(scene.told()).isEqualTo(10);
    assertThat(scene.entries()).hasSize(6);

    for (int number = 11; number <= 20; number++) {
      scene.append(alarm(number, DSN, 8));
    }
    scene.pass();
    scene.clock().advance(Duration.ofDays(60));
    scene.pass();
    scene.pass();
    assertThat(scene.told()).isEqualTo(20);
    assertThat(scene.entries()).hasSize(12);
  }

  @Test
  void theBacklogOfADeadAgentIsFoldedLikeALivingStorm() throws Exception {
    scene.clock().advance(Duration.ofHours(1));
    for (int number = 1; number <= 2_000; number++) {
      scene.append(alarm(number, DSN, 7));
    }

    scene.pass();

    assertThat(scene.entries()).hasSize(6);
    assertThat(scene.told()).isEqualTo(2_000);
  }

  @Test
  void withoutFoldingEveryWholeRecordIsAnEventAndBriefOnesAreCounted() throws Exception {
    for (int number = 1; number <= 50; number++) {
      scene.append(alarmOf("shop", number, 1, "dsn=" + DSN, "fold=0", 7));
    }
    scene.append(brief(51, 7));
    scene.append(brief(52, 7));
    scene.pass();
    assertThat(scene.entries()).hasSize(50);
    scene.later(Duration.ofSeconds(63));

    assertThat(scene.entries()).hasSize(51);
    assertThat(scene.entries().get(0).occurrences()).isEqualTo(2);
    assertThat(scene.entries().get(0).title()).startsWith("line ");
  }

  @Test
  void theUsersNumberPasses() throws Exception {
    for (int number = 1; number <= 50; number++) {
      scene.append(alarmOf("shop", number, 1, "dsn=" + DSN, "fold=20", 7));
    }
    scene.pass();

    assertThat(scene.entries()).hasSize(20);
  }

  @Test
  void aSummaryIsMadeOnceThoughTheDatabaseFailsInTheMiddle() throws Exception {
    for (int number = 1; number <= 20; number++) {
      scene.append(alarm(number, DSN, 7));
    }
    scene.pass();
    scene.failStores();
    scene.clock().advance(Duration.ofSeconds(63));
    assertThatThrownBy(scene::pass).isInstanceOf(IOException.class);
    assertThatThrownBy(scene::flushStorms).isInstanceOf(IOException.class);
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(15, 1));

    scene.mendStores();
    scene.later(Duration.ofSeconds(2));
    scene.later(Duration.ofSeconds(2));

    assertThat(scene.entries()).hasSize(6);
    assertThat(scene.told()).isEqualTo(20);
  }

  @Test
  void whatAHandlersSampleRateLeavesOutIsCountedForItsDestination() throws Exception {
    // The ids' first digits decide: none of these is above a half.
    String options = "dsn=" + DSN + ",sample_rate=0.5";
    scene.append(alarmOf("shop", 1, 1, options, "", 1));
    Record left = alarmOf("shop", 2, 1, options, "", 2);
    scene.append(withId(left, "f".repeat(32)));
    scene.append(withId(left, "f".repeat(32)));
    scene.pass();

    assertThat(scene.entries()).extracting(Entry::id).containsExactly(id(1));
    assertThat(scene.counted(Counter.Name.DISCARDED)).isEqualTo(1);
    assertThat(scene.outbox().reader().counters())
        .filteredOn(counter -> counter.name() == Counter.Name.DISCARDED)
        .extracting(Counter::reason)
        .containsExactly("sample_rate");
  }

  private static Record withId(Record record, String id) {
    return new Record(
        id,
        record.kindCode(),
        record.process(),
        record.brief(),
        record.cut(),
        record.timeMicros(),
        record.pid(),
        record.worker(),
        record.core(),
        record.handlerHash(),
        record.foldKey(),
        record.fields());
  }

  @Test
  void beyondTheLimitOfAMinuteEventsAreDiscardedAndCountedByOccurrences() throws Exception {
    String defaults = "max_events_per_minute=3";
    for (int number = 1; number <= 10; number++) {
      scene.append(alarmOf("shop", number, 1, "dsn=" + DSN, defaults, number));
    }
    for (int number = 11; number <= 30; number++) {
      scene.append(alarmOf("shop", number, 1, "dsn=" + DSN, defaults, 11));
    }
    scene.append(alarmOf("shop", 31, 1, "dsn=" + OTHER, defaults, 31));
    scene.append(alarmOf("shop", 61_000_000, 1, "dsn=" + DSN, defaults, 32));
    scene.pass();
    scene.killAndStart();
    scene.append(alarmOf("shop", 33, 1, "dsn=" + DSN, defaults, 33));
    scene.pass();
    scene.flushStorms();

    assertThat(scene.entries()).as("3, one of the other, one of the next minute").hasSize(5);
    assertThat(scene.counted(Counter.Name.DISCARDED)).isEqualTo(33 - 5);
    assertThat(scene.outbox().reader().counters())
        .filteredOn(counter -> counter.name() == Counter.Name.DISCARDED)
        .extracting(Counter::reason)
        .containsExactly("ratelimit_backoff");
  }

  @RepeatedTest(5)
  void everyRecordIsAccountedForOnceWhateverComesAndWhoeverDies() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    Set<Integer> appended = new HashSet<>();
    int number = 0;
    for (int round = 0; round < 40; round++) {
      for (int i = random.nextInt(100); i > 0; i--) {
        number += random.nextInt(20) == 0 ? random.nextInt(5_000_000) : 1;
        long fold = random.nextInt(4);
        boolean again = random.nextInt(20) == 0;
        Record record =
            switch (random.nextInt(6)) {
              case 0 -> brief(number, fold);
              case 1 -> alarm(number, OTHER, fold);
              case 2 -> alarm(number, "", fold);
              case 3 ->
                  alarmOf("api", number, 2, "dsn=" + DSN, "max_events_per_minute=4,fold=2", fold);
              case 4 -> alarmOf("api", number, 3, "dsn=" + DSN + ",sample_rate=0.0", "", fold);
              default -> alarm(number, DSN, fold);
            };
        scene.append(record);
        if (again) {
          scene.append(record);
        }
        appended.add(number);
      }
      switch (random.nextInt(6)) {
        case 0 -> scene.killAndStart();
        case 1 -> {
          scene.directory().seal();
          scene.killAndStart();
        }
        case 2 -> scene.clock().advance(Duration.ofSeconds(random.nextInt(200) - 50));
        case 3 -> scene.flushStorms();
        default -> scene.pass();
      }
      scene
          .clock()
          .set(
              scene.clock().instant().isBefore(Journal.time(number))
                  ? Journal.time(number)
                  : scene.clock().instant());
    }
    scene.pass();

    assertThat(
            scene.told()
                + scene.outbox().reader().storms().occurrences()
                + scene.counted(Counter.Name.DISCARDED))
        .isEqualTo(appended.size());
    scene.later(Duration.ofDays(1));
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(0, 0));
    assertThat(scene.told() + scene.counted(Counter.Name.DISCARDED)).isEqualTo(appended.size());
  }
}

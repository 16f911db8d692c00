package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static io.uwsgisentry.intake.PumpScene.DSN;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Discarded;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalPumpTest {
  private static final int PROBLEM_KIND = 99;

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

  @Test
  void anEmptyJournalIsNothingToDo() throws Exception {
    assertThat(scene.pass()).isFalse();
    assertThat(scene.woken()).hasValue(0);
  }

  @Test
  void aRecordBecomesAnEntryAndItsFileIsGone() throws Exception {
    scene.append(alarm(1, DSN));

    assertThat(scene.pass()).isTrue();
    scene.finish();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
    assertThat(scene.entry(id(1)).handler()).isEqualTo("alarm seen");
    assertThat(scene.directory().bytes()).isZero();
    assertThat(scene.woken().get()).isPositive();
    assertThat(scene.pass()).isFalse();
  }

  @Test
  void aTornRecordIsCountedWithItsBytes() throws Exception {
    byte[] torn = Arrays.copyOf(scene.bytes(alarm(1, DSN)), 100);
    scene.appendBytes(torn);
    scene.append(alarm(2, DSN));
    scene.appendBytes(torn);

    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
    assertThat(scene.counted(Counter.Name.TORN)).isEqualTo(2);
    assertThat(scene.counted(Counter.Name.SKIPPED_BYTES)).isEqualTo(200);
    assertThat(scene.log()).singleElement().asString().contains("100 bytes at 0", "and 1 more");
    assertThat(scene.directory().bytes()).isZero();
  }

  @Test
  void aRecordThatWasAppendedTwiceIsTakenOnce() throws Exception {
    scene.append(alarm(1, DSN));
    scene.append(alarm(1, DSN));
    scene.pass();
    scene.finish();
    scene.append(alarm(1, DSN));
    scene.append(Journal.drops(2, "disk_full", 3));
    scene.pass();
    scene.finish();
    scene.append(Journal.drops(2, "disk_full", 3));
    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY)).hasSize(1);
    assertThat(scene.counted(Counter.Name.DUPLICATE)).isEqualTo(3);
    assertThat(scene.counted(Counter.Name.DROPPED)).isEqualTo(3);
  }

  @Test
  void dropsAreCountedByReasonAndInstance() throws Exception {
    scene.append(Journal.drops(1, "disk_full", 3));
    scene.append(Journal.drops(2, "disk_full", 4));
    scene.append(Journal.drops(3, "journal_full", 1_000_000));

    scene.pass();
    scene.finish();

    assertThat(scene.outbox().reader().counters())
        .extracting(Counter::name, Counter::reason, Counter::subject, Counter::quantity)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(Counter.Name.DROPPED, "disk_full", "shop", 7L),
            org.assertj.core.groups.Tuple.tuple(
                Counter.Name.DROPPED, "journal_full", "shop", 1_000_000L));
  }

  @Test
  void theServersOwnDestinationIsToldOfWhatWritersDroppedAndOnce() throws Exception {
    scene.append(Journal.drops(1, "disk_full", 3, "default", "dsn\0" + DSN));
    scene.append(Journal.drops(1, "disk_full", 3, "default", "dsn\0" + DSN));
    scene.append(Journal.drops(2, "journal_full", 4, "default", "dsn\0" + DSN));
    scene.append(Journal.drops(3, "io_error", 5, "default", "dsn\0" + DSN));
    scene.append(Journal.drops(4, "io_error", 6));
    scene.append(Journal.drops(5, "io_error", 7, "default", "dsn\0" + "not a DSN"));
    scene.pass();
    scene.killAndStart();
    scene.append(Journal.drops(1, "disk_full", 3, "default", "dsn\0" + DSN));
    scene.pass();

    assertThat(scene.outbox().queue().reportsDue()).hasSize(1);
    assertThat(scene.outbox().queue().unreported(scene.outbox().queue().reportsDue().get(0), 9))
        .containsExactly(
            new Discarded("cache_overflow", "error", 7),
            new Discarded("internal_sdk_error", "error", 5));
    assertThat(scene.counted(Counter.Name.DROPPED)).isEqualTo(25);
    assertThat(scene.counted(Counter.Name.DISCARDED)).isZero();
  }

  @Test
  void theDestinationOfARecordThatNoBuilderTakesIsToldOfIt() throws Exception {
    scene.append(
        Journal.record(
            1,
            PROBLEM_KIND,
            false,
            1,
            "instance",
            "shop",
            "handler",
            "x",
            "options",
            "dsn=" + DSN));
    scene.append(
        Journal.record(2, PROBLEM_KIND, false, 1, "instance", "shop", "default", "dsn\0" + DSN));
    scene.append(Journal.record(3, PROBLEM_KIND, false, 1, "instance", "shop"));
    scene.pass();

    assertThat(scene.outbox().queue().unreported(scene.outbox().queue().reportsDue().get(0), 9))
        .containsExactly(new Discarded("internal_sdk_error", "error", 2));
    assertThat(scene.counted(Counter.Name.DISCARDED)).isEqualTo(3);
    assertThat(scene.entries(State.DEAD)).hasSize(3);
  }

  @Test
  void aRecordThatNoBuilderTakesIsKeptAsItIs() throws Exception {
    var record = Journal.record(1, PROBLEM_KIND, false, 1, "instance", "shop", "handler", "x");
    scene.append(record);
    scene.append(alarm(2, DSN));

    scene.pass();
    scene.finish();

    Entry dead = scene.entry(id(1));
    assertThat(dead.state()).isEqualTo(State.DEAD);
    assertThat(dead.payload()).isEqualTo(scene.bytes(record));
    assertThat(dead.lastError()).contains("kind 99");
    assertThat(scene.log()).singleElement().asString().contains(id(1), "kind 99");
    assertThat(scene.counted(Counter.Name.DISCARDED)).isEqualTo(1);
    assertThat(scene.entries(State.READY)).hasSize(1);
  }

  @Test
  void whatIsDoubtfulInAConfigurationIsLoggedOnceAndAgainWhenItChanges() throws Exception {
    String warning =
        "WARN configuration of shop, alarm seen: unknown option 'levl': did you mean 'level'?";
    scene.append(Journal.configuration(1, "levl=fatal"));
    scene.pass();
    assertThat(scene.log()).containsExactly(warning);

    scene.append(Journal.configuration(2, "levl=fatal"));
    scene.pass();
    assertThat(scene.log()).as("a reload that changed nothing").containsExactly(warning);

    scene.append(Journal.configuration(3, "level=fatal,logger="));
    scene.pass();
    assertThat(scene.log()).hasSize(2);
    assertThat(scene.log().get(1))
        .endsWith("alarm seen: 'logger' is empty and counts as not given");
  }

  @Test
  void manyRecordsOfManySizesAreAllTaken() throws Exception {
    int large = 0;
    for (int number = 1; number <= 1_800; number++) {
      if (number % 300 == 0) {
        scene.append(
            Journal.record(
                number,
                1,
                false,
                number,
                "instance",
                "shop",
                "handler",
                "alarm seen",
                "options",
                "dsn=" + DSN,
                "text",
                "x".repeat(400_000)));
        large++;
      } else {
        scene.append(alarm(number, DSN));
      }
    }

    scene.pass();
    scene.finish();

    assertThat(large).isEqualTo(6);
    assertThat(scene.entries(State.READY)).hasSize(1_800);
  }
}

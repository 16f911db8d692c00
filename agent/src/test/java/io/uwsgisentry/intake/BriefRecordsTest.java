package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.brief;
import static io.uwsgisentry.intake.PumpScene.DSN;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records of which a writer had no room but for the head: they are counted. */
class BriefRecordsTest {
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

  private long occurrencesOf(Entry entry) throws IOException {
    Object count = scene.extra(entry).get("occurrences");
    return count == null ? 1 : ((Number) count).longValue();
  }

  @Test
  void briefRecordsAreCountedExactlyInOneEventLikeTheLastWholeOne() throws Exception {
    scene.append(alarm(1, DSN, 7));
    scene.append(brief(2, 7));
    scene.append(brief(3, 7));
    scene.append(brief(3, 7));
    scene.pass();
    scene.finish();
    for (int number = 10; number < 60; number++) {
      scene.append(brief(number, 7));
    }
    scene.pass();
    scene.finish();
    assertThat(scene.entries(State.READY)).hasSize(1);
    scene.afterTheWindow();

    List<Entry> entries = scene.entries(State.READY);
    assertThat(entries).hasSize(2);
    for (Entry entry : entries) {
      assertThat(entry.occurrences()).isEqualTo(occurrencesOf(entry));
      assertThat(scene.payload(entry)).containsEntry("logger", "test");
      assertThat(entry.title()).isEqualTo(entries.get(1).title());
    }
    assertThat(entries).extracting(Entry::occurrences).containsExactly(52L, 1L);
    assertThat(scene.counted(Counter.Name.BRIEF)).isEqualTo(52);
    assertThat(scene.counted(Counter.Name.FOLDED)).isEqualTo(52);
  }

  @Test
  void aBriefRecordCountsForAsManyAsItStandsFor() throws Exception {
    scene.append(alarm(1, DSN, 7));
    scene.append(Journal.record(2, 1, true, 7, "occurrences", "4000"));
    scene.append(Journal.record(3, 1, true, 7, "occurrences", "0"));
    scene.append(Journal.record(4, 1, true, 7, "occurrences", "many"));
    scene.append(brief(5, 7));
    scene.pass();
    scene.finish();
    scene.afterTheWindow();

    assertThat(scene.entries(State.READY))
        .extracting(Entry::occurrences)
        .containsExactly(4003L, 1L);
    assertThat(scene.counted(Counter.Name.BRIEF)).isEqualTo(4003);
    assertThat(scene.counted(Counter.Name.FOLDED)).isEqualTo(4003);
  }

  @Test
  void aSummaryIsNeverLikeAnEventThatAnotherServerGot() throws Exception {
    scene.append(alarm(1, DSN, 7));
    scene.append(Journal.configuration(2, "dsn=https://other@b.example/2"));
    scene.append(brief(3, 7));
    scene.append(brief(4, 7));
    scene.pass();
    scene.finish();
    scene.afterTheWindow();

    Entry summary = scene.entries(State.READY).get(0);
    assertThat(summary.dsn().toString()).contains("b.example");
    assertThat(summary.occurrences()).isEqualTo(2);
    assertThat(scene.payload(summary).toString()).doesNotContain("line 1");
  }

  @Test
  void briefRecordsOfAHandlerWithoutAnyEventGoWhereItsDefinitionSays() throws Exception {
    scene.append(Journal.configuration(1, "dsn=" + DSN + ",level=warning"));
    scene.append(brief(2, 8));
    scene.append(brief(3, 8));
    scene.pass();
    scene.finish();
    scene.afterTheWindow();

    Entry entry = scene.entries(State.READY).get(0);
    assertThat(entry.occurrences()).isEqualTo(2);
    assertThat(entry.level()).isEqualTo("warning");
    assertThat(entry.handler()).isEqualTo("alarm seen");
    assertThat(occurrencesOf(entry)).isEqualTo(2);
  }

  @Test
  void briefRecordsOfAnUnknownHandlerWaitForItsDefinition() throws Exception {
    scene.append(brief(1, 9));
    scene.pass();
    scene.finish();
    scene.afterTheWindow();
    assertThat(scene.entries(State.LOCAL)).hasSize(1);

    scene.append(Journal.configuration(2, "dsn=" + DSN));
    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY)).hasSize(1);
  }
}

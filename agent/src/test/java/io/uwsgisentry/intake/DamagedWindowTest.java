package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.PumpScene.DSN;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.StormTally;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One stored window that is not what was stored costs what cannot be read of it, and no other. */
class DamagedWindowTest {
  private static final int EACH = 20;
  private static final int PASSED = 5;

  @TempDir Path state;
  private PumpScene scene;

  @BeforeEach
  void storms() throws Exception {
    scene = new PumpScene(state);
    for (int number = 1; number <= EACH; number++) {
      scene.append(alarm(number, DSN, 7));
      scene.append(alarm(1_000 + number, DSN, 8));
    }
    scene.pass();
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(2 * (EACH - PASSED), 2));
  }

  @AfterEach
  void close() throws IOException {
    scene.close();
  }

  private void damage(String column) throws Exception {
    scene.outbox().close();
    scene.sql("UPDATE folds SET " + column + " WHERE fault = 7");
    scene.killAndStart();
  }

  private List<Entry> summaries() throws IOException {
    return scene.entries().stream().filter(entry -> entry.occurrences() > 1).toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "payload = x'00ff7b'",
        "payload = NULL",
        "varied = x'ff00ff0000'",
        "varied = 'URL' || char(0) || 'x' || char(0) || 'many' || char(0) || '0' || char(0)",
        "kind = 99",
        "kind = -1",
        "time = 9223372036854775807",
        "handler = 4711",
        "timeout = -1",
        "opened = 'never'",
        "opened = -9223372036854775808",
        "lane = 'elsewhere'",
      })
  void whatItWouldOnlyBeLikeMayBeMissingAndItsCountIsTold(String damage) throws Exception {
    damage(damage);
    scene.afterTheWindow();
    assertBothAreTold();
  }

  @ParameterizedTest
  @CsvSource({
    "category = NULL, what it is like",
    "level = NULL, what it is like",
    "title = NULL, what it is like",
    "destination = 4711, where it goes",
    "first = -9223372036854775808, when it began",
    "first = 9223372036854775807, when it began",
    "last = 9223372036854775807, when it ended",
    "passed = -3, how many went before",
    "passed = 9223372036854775807, how many went before"
  })
  void whatCannotBeReadIsSaidAndItsCountIsTold(String damage, String lost) throws Exception {
    damage(damage);
    scene.afterTheWindow();
    assertBothAreTold();
    assertThat(scene.log())
        .containsExactly(
            "WARN the stored count of one fault is damaged ("
                + lost
                + "): its 15 occurrences are reported with what is left");
  }

  @Test
  void anAgentThatEndsTellsItTooAndTheNextGoesOnWithTheWindow() throws Exception {
    damage("destination = 4711, title = NULL, last = -1");
    scene.flushStorms();
    assertBothAreTold();
    assertThat(scene.log()).singleElement().asString().contains("when it ended, where it goes");
    scene.append(alarm(500, DSN, 7));
    scene.pass();
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(1, 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"folded = -5", "folded = 'none'", "folded = 9223372036854775807"})
  void aCountThatCannotBeSpoilsNoOther(String damage) throws Exception {
    damage(damage);
    assertThat(scene.outbox().reader().storms().occurrences())
        .isGreaterThanOrEqualTo(EACH - PASSED);
    scene.afterTheWindow();

    assertThat(summaries())
        .extracting(Entry::occurrences)
        .contains((long) EACH - PASSED)
        .allMatch(count -> count > 0);
    assertThat(scene.outbox().reader().states().get(State.READY).occurrences()).isPositive();
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(0, 0));
  }

  private void assertBothAreTold() throws Exception {
    assertThat(summaries())
        .extracting(Entry::occurrences)
        .containsExactly((long) EACH - PASSED, (long) EACH - PASSED);
    assertThat(scene.outbox().reader().storms()).isEqualTo(new StormTally(0, 0));
    scene.append(alarm(2_000, DSN, 9));
    assertThat(scene.pass()).isTrue();
  }
}

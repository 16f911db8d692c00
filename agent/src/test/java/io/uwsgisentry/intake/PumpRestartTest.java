package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static io.uwsgisentry.intake.PumpScene.DSN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.redaction.Scrubber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the next agent finds of the last one's work, however that ended. */
class PumpRestartTest {

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
  void anEventThatWaitsForADsnGetsItAtTheNextStart() throws Exception {
    scene.append(alarm(1, ""));
    scene.pass();
    scene.finish();
    scene.append(Journal.configuration(2, "dsn=" + DSN));
    // The configuration is stored and the agent dies before it acts upon it.
    SealedFile sealed = scene.directory().seal().orElseThrow();
    BatchAssembly assembly =
        new BatchAssembly(
            scene.outbox(),
            new EventFactory(new Scrubber(), "test"),
            (from, to) -> new byte[0],
            sealed.name());
    Record configuration = Journal.configuration(2, "dsn=" + DSN);
    assembly.assemble(List.of(new Finding(configuration, null, 0, Files.size(sealed.path()))));
    scene.outbox().intake().store(assembly.batch());
    assertThat(scene.entries(State.LOCAL)).hasSize(1);

    scene.anotherPump().pass();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
  }

  @Test
  void readingGoesOnWhereTheDeadAgentHadStoredTo() throws Exception {
    scene.append(alarm(1, DSN));
    long position = scene.directory().bytes();
    scene.append(alarm(2, DSN));
    SealedFile sealed = scene.directory().seal().orElseThrow();
    scene.outbox().intake().store(new io.uwsgisentry.outbox.Batch(sealed.name(), position));

    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
    assertThat(sealed.path()).doesNotExist();
  }

  @Test
  void aFileThatWasFinishedButNotUnlinkedIsReadOnAndUnlinked() throws Exception {
    scene.append(alarm(1, DSN));
    SealedFile sealed = scene.directory().seal().orElseThrow();
    scene
        .outbox()
        .intake()
        .store(new io.uwsgisentry.outbox.Batch(sealed.name(), Files.size(sealed.path())));
    scene.outbox().intake().finish(List.of(sealed.name()));
    // A writer that had opened the file before it was sealed.
    Files.write(sealed.path(), scene.bytes(alarm(2, DSN)), StandardOpenOption.APPEND);

    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
    assertThat(sealed.path()).doesNotExist();
  }

  @Test
  void whatComesAfterTheFileWasReadIsReadBeforeItIsUnlinked() throws Exception {
    scene.append(alarm(1, DSN));
    scene.pass();
    SealedFile sealed = scene.directory().sealed().get(0);
    Files.write(sealed.path(), scene.bytes(alarm(2, DSN)), StandardOpenOption.APPEND);

    scene.finish();
    scene.finish();

    assertThat(scene.entries(State.READY))
        .extracting(Entry::id)
        .containsExactlyInAnyOrder(id(1), id(2));
    assertThat(sealed.path()).doesNotExist();
  }

  @Test
  void filesAreUnlinkedAfterAWhileWithoutBeingAskedTo() throws Exception {
    scene.append(alarm(1, DSN));
    scene.pass();
    assertThat(scene.directory().sealed()).hasSize(1);

    scene.later(Duration.ofMillis(999));
    assertThat(scene.directory().sealed()).hasSize(1);
    scene.later(Duration.ofMillis(1));
    assertThat(scene.directory().sealed()).isEmpty();
  }

  @Test
  void aFailingOutboxLosesNothingAndIsNoReasonForCare() throws Exception {
    scene.append(alarm(1, DSN));
    scene.failStores();
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(scene::pass).isInstanceOf(IOException.class).hasMessageContaining("full");
    }
    assertThat(scene.directory().sealed()).hasSize(1);

    scene.mendStores();
    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
    assertThat(scene.directory().bytes()).isZero();
  }

  @Test
  void agentsThatFailOneAfterTheOtherAreNoReasonForCareEither() throws Exception {
    scene.append(alarm(1, DSN));
    scene.failStores();
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(scene.anotherPump()::pass).isInstanceOf(IOException.class);
    }
    scene.mendStores();

    scene.anotherPump().pass();

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
  }

  @Test
  void agentsThatAreTooOldForAFileLeaveItAsHealthyAsItWas() throws Exception {
    scene.appendBytes(scene.bytes(alarm(1, DSN), 9));
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(scene.anotherPump()::pass).isInstanceOf(NewerJournalException.class);
    }
    SealedFile sealed = scene.directory().sealed().get(0);

    assertThat(scene.outbox().intake().begin(sealed.name()).attempts()).isEqualTo(1);
  }

  @Test
  void theRecordAtWhichTheAgentDiedAgainAndAgainIsStoredUnread() throws Exception {
    scene.append(alarm(1, DSN));
    scene.append(alarm(2, DSN));
    SealedFile sealed = scene.directory().seal().orElseThrow();
    for (int death = 1; death <= 5; death++) {
      scene.outbox().intake().begin(sealed.name());
    }

    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.DEAD)).extracting(Entry::id).containsExactly(id(1));
    assertThat(scene.entry(id(1)).lastError()).contains("ended the agent 5 times");
    assertThat(scene.entry(id(1)).payload()).isEqualTo(scene.bytes(alarm(1, DSN)));
    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
  }

  @Test
  void afterAFewDeathsAtAFileItsRecordsAreStoredOneByOne() throws Exception {
    scene.append(alarm(1, DSN));
    scene.append(alarm(2, DSN));
    SealedFile sealed = scene.directory().seal().orElseThrow();
    scene.outbox().intake().begin(sealed.name());
    scene.outbox().intake().begin(sealed.name());

    scene.pass();

    assertThat(scene.entries(State.READY)).hasSize(2);
    assertThat(scene.woken()).as("transactions").hasValue(2);
  }

  @Test
  void careEndsWhereTheBatchEndsThatTheAgentDiedIn() throws Exception {
    for (int i = 1; i <= 1_200; i++) {
      scene.append(alarm(i, DSN));
    }
    SealedFile sealed = scene.directory().seal().orElseThrow();
    scene.outbox().intake().begin(sealed.name());
    scene.outbox().intake().begin(sealed.name());

    scene.pass();

    assertThat(scene.woken()).as("transactions").hasValueLessThanOrEqualTo(500 + 2);
    assertThat(scene.outbox().intake().begin(sealed.name()).position()).isEqualTo(sealed.bytes());
  }

  @Test
  void aRecordOfANewerVersionStaysWithAllThatFollowsIt() throws Exception {
    scene.append(alarm(1, DSN));
    scene.appendBytes(scene.bytes(alarm(2, DSN), 9));
    scene.append(alarm(3, DSN));

    assertThatThrownBy(scene::pass)
        .isInstanceOf(NewerJournalException.class)
        .hasMessageContaining("version 9");

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
    assertThat(scene.directory().sealed()).hasSize(1);
  }
}

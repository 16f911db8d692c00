package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static io.uwsgisentry.intake.PumpScene.DSN;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a journal, and of its key, that somebody removed, moved or replaced. */
class ReplacedJournalTest {
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
  void aJournalThatSomebodyRemovedIsMadeAnewAndRead() throws Exception {
    scene.pass();
    Path journal = state.resolve("journal");
    Files.deleteIfExists(journal.resolve("live"));
    Files.delete(journal);

    scene.later(Duration.ofSeconds(2));

    assertThat(Files.getPosixFilePermissions(journal))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    assertThat(scene.log()).singleElement().asString().contains("was removed");
    scene.append(alarm(1, DSN));
    assertThat(scene.pass()).isTrue();
    scene.finish();
    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
  }

  @Test
  void aKeyThatSomebodyRemovedWithTheJournalIsPutBackAsItWas() throws Exception {
    scene.pass();
    byte[] key = scene.directory().key();
    Path journal = state.resolve("journal");
    Files.deleteIfExists(journal.resolve("live"));
    Files.delete(journal);
    Files.delete(state.resolve("key"));

    scene.later(Duration.ofSeconds(2));

    assertThat(journal).isDirectory();
    assertThat(scene.directory().key()).isEqualTo(key);
    assertThat(scene.log()).hasSize(2).anySatisfy(line -> assertThat(line).contains("key was"));
  }

  @Test
  void recordsOfTheKeyBeforeAreReadBesideThoseOfTheNewOne() throws Exception {
    byte[] before = scene.bytes(alarm(1, DSN));
    scene.pass();
    Files.write(state.resolve("key"), new byte[16]);
    scene.later(Duration.ofSeconds(2));

    scene.appendBytes(before);
    scene.appendBytes(scene.bytes(alarm(2, DSN)));
    scene.pass();

    assertThat(scene.entries(State.READY))
        .extracting(Entry::id)
        .containsExactlyInAnyOrder(id(1), id(2));
    assertThat(scene.counted(Counter.Name.TORN)).isZero();
  }

  @Test
  void recordsOfAKeyThatNobodyKnowsAreCountedAndTheirFileIsKept() throws Exception {
    byte[] key = Files.readAllBytes(state.resolve("key"));
    Files.write(state.resolve("key"), new byte[16]);
    for (int i = 1; i <= 3; i++) {
      scene.appendBytes(scene.bytes(alarm(i, DSN)));
    }
    Files.write(state.resolve("key"), key);
    scene.append(alarm(4, DSN));

    scene.pass();
    scene.later(Duration.ofSeconds(2));

    assertThat(scene.entries(State.READY)).extracting(Entry::id).containsExactly(id(4));
    assertThat(scene.counted(Counter.Name.OTHER_KEY)).isEqualTo(3);
    assertThat(scene.counted(Counter.Name.TORN)).isZero();
    assertThat(scene.directory().bytes()).isZero();
    assertThat(scene.directory().unread()).singleElement().asString().contains("unread-");
    assertThat(scene.log()).anySatisfy(line -> assertThat(line).contains("another key"));
  }

  @Test
  void aJournalThatWasMovedIsReadToItsEndAndTheOneInItsPlaceTaken() throws Exception {
    scene.pass();
    Path journal = state.resolve("journal");
    Path aside = state.resolve("aside");
    scene.append(alarm(1, DSN));
    Files.move(journal, aside);
    Files.createDirectory(journal);
    scene.append(alarm(2, DSN));

    scene.later(Duration.ofSeconds(2));
    scene.pass();
    scene.finish();

    assertThat(scene.entries(State.READY))
        .extracting(Entry::id)
        .containsExactlyInAnyOrder(id(1), id(2));
    assertThat(aside).isEmptyDirectory();
    assertThat(journal).isEmptyDirectory();
    assertThat(scene.log()).singleElement().asString().contains("was moved to " + aside);
  }
}

package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.alarm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the agent finds in its directory and must not touch. */
@Timeout(60)
class DirectoryInspectionTest {
  @TempDir Path parent;
  private Path state;
  private Path victim;

  @BeforeEach
  void prepare() throws IOException {
    state = parent.resolve("state");
    new Journal(state);
    victim = Files.writeString(parent.resolve("victim"), "untouched");
  }

  private List<String> inspect() throws IOException {
    return DirectoryInspection.of(state, DirectoryInspection.ownUid());
  }

  private static void fifo(Path path) throws Exception {
    Files.deleteIfExists(path);
    assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor()).isZero();
  }

  @Test
  void aDirectoryThatIsMissingOrAsItShouldBeIsNothingToSpeakOf() throws Exception {
    assertThat(inspect()).isEmpty();
    assertThat(DirectoryInspection.of(parent.resolve("none"), 4711)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "key",
        "agent.lock",
        "agent.log",
        "agent.log.1",
        "agent.wanted",
        "outbox.db",
        "outbox.db-wal",
        "outbox.db-shm",
        "runtime",
        "journal"
      })
  @Tag("process")
  void aLinkOrAFifoAtAnyNameStopsTheAgentAtOnceAndIsNotTouched(String name) throws Exception {
    Path planted = state.resolve(name);
    if (name.equals("journal")) {
      Files.move(planted, parent.resolve("elsewhere"));
    }
    Files.deleteIfExists(planted);
    Files.createSymbolicLink(planted, victim);
    assertRefused(planted + " is a symbolic link");

    fifo(planted);
    assertRefused(planted + " is a FIFO");
    assertThat(victim).hasContent("untouched");
  }

  private void assertRefused(String sentence) throws Exception {
    try (AgentProcess agent = AgentProcess.start(state)) {
      assertThat(agent.ends(Patience.SOON)).as(sentence).isTrue();
      assertThat(agent.exitCode()).isEqualTo(1);
      assertThat(agent.output()).contains(sentence, "remove it");
    }
  }

  @Test
  @Tag("process")
  void aLinkOrAFifoInTheJournalIsToldOfAndPassedOver() throws Exception {
    Path live = state.resolve("journal/live");
    Path sealed = state.resolve("journal/sealed-" + "0".repeat(32));
    Files.createSymbolicLink(live, victim);
    fifo(sealed);
    assertThat(inspect())
        .containsExactlyInAnyOrder(
            live + " is a symbolic link: remove it, nothing is recorded through it",
            sealed + " is a FIFO: remove it, nothing is recorded through it");
    try (AgentProcess agent = AgentProcess.start(state, "--drain-only")) {
      assertThat(agent.exitCode()).isZero();
    }
    assertThat(victim).hasContent("untouched");
  }

  @Test
  void aLinkInPlaceOfTheDirectoryItselfIsRefused() throws Exception {
    Path link = Files.createSymbolicLink(parent.resolve("link"), state);
    assertThatThrownBy(() -> DirectoryInspection.of(link, DirectoryInspection.ownUid()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("symbolic link");
  }

  @Test
  void whatIsOpenToOthersIsClosedAndSaid() throws Exception {
    Path log = Files.writeString(state.resolve("agent.log"), "");
    Path live = Files.writeString(state.resolve("journal/live"), "");
    for (Path file : List.of(log, live, state.resolve("key"))) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    }
    for (Path directory : List.of(state, state.resolve("journal"))) {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    }

    assertThat(inspect()).hasSize(5).allSatisfy(r -> assertThat(r).contains("was open to others"));

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(log)))
        .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state)))
        .isEqualTo("rwx------");
    assertThat(inspect()).isEmpty();
  }

  @Test
  @Tag("process")
  void aDirectoryOfSomebodyElsesIsRefusedAndNothingIsMadeInIt() throws Exception {
    assumeTrue(DirectoryInspection.ownUid() == 0, "needs root: a directory of another user's");
    new Journal(state).append(alarm(1, ""));
    Files.setAttribute(state, "unix:uid", 4711);

    try (AgentProcess agent = AgentProcess.start(state)) {
      assertThat(agent.exitCode()).isEqualTo(1);
      assertThat(agent.output())
          .contains(state + " belongs to uid 4711, and this is uid 0: run this as its owner");
    }
    assertThat(state.resolve("outbox.db")).doesNotExist();
    assertThat(state.resolve("agent.log")).doesNotExist();
  }

  @Test
  void aFileOfSomebodyElsesIsRefused() throws Exception {
    assumeTrue(DirectoryInspection.ownUid() == 0, "needs root: a file of another user's");
    Path db = Files.writeString(state.resolve("outbox.db"), "");
    Files.setAttribute(db, "unix:uid", 4711);
    assertThatThrownBy(this::inspect).hasMessageContaining(db + " belongs to uid 4711");
  }
}

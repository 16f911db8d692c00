package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.cli.UwsgiSentry;
import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.intake.JournalPump;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The whole agent as a process: real files, real SQLite, real HTTP, real signals. */
@Timeout(600)
@Tag("process")
class AgentTest {
  private static final Duration SOON = Patience.SOON;

  @TempDir Path parent;
  private Path state;
  private Journal journal;
  private Receiver receiver;

  @BeforeEach
  void prepare() throws IOException {
    state = parent.resolve("state");
    journal = new Journal(state);
    receiver = Receiver.start();
  }

  @AfterEach
  void stop() {
    receiver.close();
  }

  private static Set<String> ids(int from, int to) {
    return IntStream.rangeClosed(from, to).mapToObj(Journal::id).collect(Collectors.toSet());
  }

  private void append(int from, int to) throws IOException {
    for (int number = from; number <= to; number++) {
      journal.append(alarm(number, receiver.dsn()));
    }
  }

  private void awaitReceived(Set<String> ids) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> assertThat(receiver.eventIds()).containsExactlyInAnyOrderElementsOf(ids));
  }

  private Map<State, Tally> states() throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().states();
    } catch (NoSuchFileException e) {
      return Map.of();
    }
  }

  private List<Entry> entries() throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().list(Filter.ALL, 100_000);
    }
  }

  private void awaitStates(State... expected) {
    await().atMost(SOON).untilAsserted(() -> assertThat(states()).containsOnlyKeys(expected));
  }

  private String log() throws IOException {
    return LogForm.checked(Files.readString(state.resolve("agent.log")));
  }

  @Test
  void recordsBecomeEventsAtTheReceiverAndTheJournalIsEmptied() throws Exception {
    append(1, 3);
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(ids(1, 3));
      append(4, 5);
      awaitReceived(ids(1, 5));
      awaitStates(State.DELIVERED);
      await().atMost(SOON).until(() -> journal.directory.bytes() == 0);

      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }

    assertThat(receiver.events().get(0)).containsEntry("logger", "test");
    assertThat(states().get(State.DELIVERED).entries()).isEqualTo(5);
    assertThat(journal.directory.bytes()).isZero();
  }

  @Test
  void killedAgainAndAgainItDeliversEveryRecordAndForgetsNone() throws Exception {
    int records = 2_000;
    append(1, records / 2);
    int seen = 0;
    for (int kill = 0; kill < 3; kill++) {
      try (AgentProcess agent = AgentProcess.start(state)) {
        int before = seen;
        // It dies with more in flight, however late the kill comes.
        receiver.behave(Behaviour.firstThen(200, Behaviour.healthy(), Behaviour.silent()));
        await().atMost(SOON).until(() -> receiver.eventIds().size() > before + 100);
        agent.kill();
        seen = receiver.eventIds().size();
      }
      append(records / 2 + kill * 100 + 1, records / 2 + kill * 100 + 100);
    }
    assertThat(seen).as("killed in mid-way").isLessThan(records / 2);

    receiver.behave(Behaviour.healthy());
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(ids(1, records / 2 + 300));
      awaitStates(State.DELIVERED);
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }
    assertThat(states().get(State.DELIVERED).entries()).isEqualTo(records / 2 + 300);
    // What was in flight at a kill may have arrived twice, under the same id.
    assertThat(receiver.counts().accepted()).isLessThan(records / 2 + 300 + 3 * 64);
  }

  @Test
  void aSecondAgentEndsAtOnceAndSaysWhy() throws Exception {
    append(1, 1);
    try (AgentProcess first = AgentProcess.start(state)) {
      awaitReceived(ids(1, 1));
      try (AgentProcess second = AgentProcess.start(state)) {
        assertThat(second.exitCode()).isEqualTo(75);
        assertThat(second.output()).contains("another agent serves " + state);
      }
      try (AgentProcess drain = AgentProcess.start(state, "--drain-only")) {
        assertThat(drain.exitCode()).isZero();
      }
      assertThat(first.isAlive()).isTrue();
    }
  }

  @Test
  void theNextAgentTakesUpWhatADeadOneSealed() throws Exception {
    append(1, 2);
    SealedFile first = journal.directory.seal().orElseThrow();
    append(3, 4);
    SealedFile second = journal.directory.seal().orElseThrow();
    append(5, 5);

    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(ids(1, 5));
      await().atMost(SOON).until(() -> journal.directory.bytes() == 0);
    }
    assertThat(first.path()).doesNotExist();
    assertThat(second.path()).doesNotExist();
  }

  @Test
  void whatIsUndeliverableGoesOutOnceANewConfigurationNamesAUsableDsn() throws Exception {
    journal.append(alarm(1, "https://no-project@sentry.example"));
    journal.append(alarm(2, ""));
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitStates(State.UNDELIVERABLE, State.LOCAL);

      journal.append(Journal.configuration(3, "dsn=" + receiver.dsn()));

      awaitReceived(ids(1, 2));
      awaitStates(State.DELIVERED);
    }
  }

  @Test
  void aMistakeInAHandlersOptionsIsInItsLogAndInTheStatusFromTheServersStartOn() throws Exception {
    journal.append(Journal.configuration(1, "tag=team:shop,dsn=" + receiver.dsn()));
    String warning = "shop, alarm seen: unknown option 'tag': did you mean 'tags'?";
    try (AgentProcess agent = AgentProcess.start(state)) {
      await()
          .atMost(SOON)
          .ignoreException(NoSuchFileException.class)
          .untilAsserted(() -> assertThat(log()).containsOnlyOnce("configuration of " + warning));
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }

    StringWriter status = new StringWriter();
    UwsgiSentry.commandLine(Agent::run)
        .setOut(new PrintWriter(status, true))
        .execute("status", "--dir", state.toString());
    assertThat(status.toString()).contains("warning      " + warning + "\n");
  }

  @Test
  void aRecordOfANewerVersionIsLeftToTheNewerAgent() throws Exception {
    append(1, 2);
    journal.appendBytes(journal.bytes(alarm(3, receiver.dsn()), 2));

    try (AgentProcess agent = AgentProcess.start(state)) {
      assertThat(agent.exitCode()).isEqualTo(76);
    }
    assertThat(journal.directory.sealed()).hasSize(1);
    assertThat(log()).contains("version 2");

    // Nothing stands in the newer one's way.
    try (AgentProcess again = AgentProcess.start(state)) {
      assertThat(again.exitCode()).isEqualTo(76);
    }
    assertThat(entries()).extracting(Entry::id).containsExactlyInAnyOrder(id(1), id(2));
  }

  @Test
  void whenTheMasterIsGoneItTakesTheRestDeliversAndEnds() throws Exception {
    Process master = new ProcessBuilder("sleep", "600").start();
    String pid = Long.toString(master.pid());
    try (AgentProcess agent = AgentProcess.start(state, "--master", pid, "--drain", "60")) {
      append(1, 1);
      awaitReceived(ids(1, 1));
      append(2, 20);
      master.destroyForcibly().waitFor();

      assertThat(agent.exitCode()).isZero();
      assertThat(receiver.eventIds()).containsExactlyInAnyOrderElementsOf(ids(1, 20));
      assertThat(log()).contains("the server is gone");
    } finally {
      master.destroyForcibly();
    }
  }

  @Test
  void aSignalAloneDoesNotEndItWhileItsServerIsAtWork() throws Exception {
    Process master = new ProcessBuilder("sleep", "600").start();
    try (AgentProcess agent = AgentProcess.start(state, "--master", Long.toString(master.pid()))) {
      append(1, 1);
      awaitReceived(ids(1, 1));
      // Left by somebody who waited for an earlier agent.
      Files.createFile(state.resolve("agent.wanted"));

      agent.terminate();
      await().atMost(SOON).until(() -> !Files.exists(state.resolve("agent.wanted")));
      append(2, 2);
      awaitReceived(ids(1, 2));
      assertThat(agent.isAlive()).isTrue();

      Files.createFile(state.resolve("agent.wanted"));
      assertThat(agent.exitCode()).isZero();
    } finally {
      master.destroyForcibly();
    }
  }

  @Test
  void toldToStopWhileTheServerIsSilentItEndsInTimeAndKeepsWhatItHas() throws Exception {
    receiver.behave(Behaviour.silent());
    append(1, 5);
    try (AgentProcess agent = AgentProcess.start(state, "--drain", "1")) {
      receiver.awaitRequests(1, SOON);
      append(6, 9);
      agent.terminate();

      assertThat(agent.ends(SOON)).isTrue();
      assertThat(agent.exitCode()).isZero();
    }
    assertThat(states()).containsOnlyKeys(State.READY);
    assertThat(states().get(State.READY).entries()).isEqualTo(9);
    assertThat(journal.directory.bytes()).isZero();

    receiver.behave(Behaviour.healthy());
    try (AgentProcess drain = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
      assertThat(drain.exitCode()).isZero();
    }
    assertThat(receiver.eventIds()).containsExactlyInAnyOrderElementsOf(ids(1, 9));
  }

  @Test
  void whatAPersonMakesReadyAgainIsSentByTheRunningAgent() throws Exception {
    receiver.behave(Behaviour.status(400));
    append(1, 1);
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitStates(State.DEAD);
      receiver.behave(Behaviour.healthy());

      try (Outbox outbox = Outbox.open(state.resolve("outbox.db"))) {
        assertThat(outbox.retry(List.of(id(1)), JournalPump.RESOLVER)).isEqualTo(1);
      }

      awaitStates(State.DELIVERED);
      assertThat(agent.isAlive()).isTrue();
    }
  }

  @Test
  void drainOnlyTakesTheJournalDeliversAndEnds() throws Exception {
    append(1, 10);

    try (AgentProcess drain = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
      assertThat(drain.exitCode()).isZero();
    }

    assertThat(receiver.eventIds()).isEqualTo(ids(1, 10));
    assertThat(states()).containsOnlyKeys(State.DELIVERED);
  }

  @Test
  void theLogHoldsNoKeyAndTheFilesAreTheOwnersAlone() throws Exception {
    String dsn = receiver.dsn().replace("public@", "tellnobody:norhim@");
    receiver.behave(Behaviour.status(400));
    journal.append(alarm(1, dsn));
    journal.append(alarm(2, dsn + "/tellnobody:norhim@"));
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitStates(State.DEAD, State.UNDELIVERABLE);
      agent.terminate();
      agent.exitCode();
      assertThat(agent.output()).doesNotContain("tellnobody", "norhim");
    }
    assertThat(log()).contains("agent").doesNotContain("tellnobody", "norhim");
    try (Stream<Path> files = Files.walk(state)) {
      assertThat(files.filter(file -> !file.startsWith(state.resolve("runtime"))))
          .allSatisfy(
              file ->
                  assertThat(Files.getPosixFilePermissions(file).toString())
                      .doesNotContain("GROUP", "OTHERS"));
    }
  }

  @Test
  void theRuntimeOfOtherVersionsIsRemovedAndNothingIsLeftInTheTemporaryDirectory()
      throws Exception {
    Path other = Files.createDirectories(state.resolve("runtime").resolve("other"));
    Files.createFile(other.resolve("agent.jar"));
    Path script = Files.createFile(state.resolve("runtime").resolve("supervise.sh"));
    append(1, 1);

    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(ids(1, 1));
      assertThat(Files.readString(Path.of("/proc", Long.toString(agent.pid()), "maps")))
          .containsPattern(state.resolve("runtime") + "/[^/]+/libsqlitejdbc-[^/]+\\.so");
    }

    assertThat(other).doesNotExist();
    assertThat(script).exists();
  }

  @Test
  void itGoesOnWhenThereIsNothingToDo() throws Exception {
    try (AgentProcess agent = AgentProcess.start(state)) {
      await().atMost(SOON).until(() -> Files.exists(state.resolve("outbox.db")));
      append(1, 1);
      awaitReceived(ids(1, 1));
      assertThat(agent.isAlive()).isTrue();
    }
  }
}

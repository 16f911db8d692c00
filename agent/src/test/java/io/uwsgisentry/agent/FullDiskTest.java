package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.wordy;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.cli.UwsgiSentry;
import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
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

/**
 * A real agent on a volume without a free byte: what it has taken goes out, and what it cannot take
 * waits in the journal.
 */
@Timeout(300)
@Tag("process")
class FullDiskTest {
  private static final int LETTERS = 5_000;

  @TempDir Path directory;
  private Receiver receiver;

  @BeforeEach
  void start() {
    receiver = Receiver.start();
  }

  @AfterEach
  void stop() {
    receiver.close();
  }

  private static Set<String> ids(int from, int to) {
    return IntStream.rangeClosed(from, to).mapToObj(Journal::id).collect(Collectors.toSet());
  }

  private void append(Journal journal, int from, int to) throws IOException {
    for (int number = from; number <= to; number++) {
      journal.append(wordy(number, receiver.dsn(), LETTERS));
    }
  }

  private static long discarded(Path state) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().counters().stream()
          .filter(counter -> counter.name() == Counter.Name.DISCARDED)
          .mapToLong(Counter::quantity)
          .sum();
    }
  }

  private static int status(Path state, StringWriter to) {
    return UwsgiSentry.commandLine(Agent::run)
        .setOut(new PrintWriter(to, true))
        .execute("status", "--dir", state.toString());
  }

  private static long held(Path state) throws IOException {
    try (Stream<Path> files = Files.walk(state)) {
      return files
          .filter(file -> !file.startsWith(state.resolve("journal")))
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  @Test
  void whatTheOutboxHoldsGoesOutWhileTheVolumeHasNotAByteLeft() throws Exception {
    int records = 2_000;
    try (SmallVolume volume = SmallVolume.mount(directory.resolve("volume"), 48)) {
      long quarter = volume.free() / 4;
      Path state = volume.state();
      receiver.behave(Behaviour.reset());
      Journal journal = new Journal(state);
      append(journal, 1, records);
      try (AgentProcess agent = AgentProcess.start(state)) {
        await().atMost(Patience.LONG).until(() -> journal.directory.bytes() == 0);
        assertThat(held(state)).as("of %d free bytes", 4 * quarter).isLessThan(quarter);
        volume.fill();

        receiver.behave(Behaviour.healthy());
        await()
            .atMost(Patience.LONG)
            .failFast("it ended", () -> !agent.isAlive())
            .untilAsserted(
                () -> {
                  volume.fill();
                  assertThat(receiver.eventIds().size() + discarded(state)).isEqualTo(records);
                });
        assertThat(receiver.counts().accepted()).isEqualTo(receiver.eventIds().size());
        agent.terminate();
        assertThat(agent.exitCode()).isZero();
      }
      assertThat(discarded(state)).isPositive();
    }
  }

  @Test
  void anAgentStartsOnAVolumeWithoutAByteAndDeliversWhatWaits() throws Exception {
    try (SmallVolume volume = SmallVolume.mount(directory.resolve("volume"), 24)) {
      Path state = volume.state();
      Journal journal = new Journal(state);
      append(journal, 1, 5);
      try (AgentProcess agent = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
        assertThat(agent.exitCode()).isZero();
      }
      assertThat(receiver.eventIds()).isEqualTo(ids(1, 5));

      append(journal, 6, 60);
      volume.fill();
      try (AgentProcess agent = AgentProcess.start(state)) {
        await()
            .atMost(Patience.LONG)
            .failFast("it ended", () -> !agent.isAlive())
            .untilAsserted(() -> assertThat(receiver.eventIds()).isEqualTo(ids(1, 60)));
        volume.empty();
        await().atMost(Patience.LONG).until(() -> Files.exists(state.resolve("reserve")));
        agent.terminate();
        assertThat(agent.exitCode()).isZero();
      }
      assertThat(receiver.counts().accepted()).isEqualTo(60);
    }
  }

  @Test
  void anAgentThatEndsOnAVolumeWithoutAByteLeavesTheNextOneRoomToStart() throws Exception {
    try (SmallVolume volume = SmallVolume.mount(directory.resolve("volume"), 24)) {
      Path state = volume.state();
      Path reserve = state.resolve("reserve");
      receiver.behave(Behaviour.reset());
      Journal journal = new Journal(state);
      append(journal, 1, 20);
      try (AgentProcess agent = AgentProcess.start(state, "--drain", "0")) {
        await().atMost(Patience.LONG).until(() -> journal.directory.bytes() == 0);
        volume.fill();
        await().atMost(Patience.LONG).until(() -> Files.notExists(reserve));
        volume.fill();
        agent.terminate();
        assertThat(agent.exitCode()).isZero();
      }
      assertThat(reserve).as("the blocks of the log").exists();
      volume.fill();

      receiver.behave(Behaviour.healthy());
      try (AgentProcess agent = AgentProcess.start(state)) {
        await()
            .atMost(Patience.LONG)
            .failFast("it ended", () -> !agent.isAlive())
            .untilAsserted(() -> assertThat(receiver.eventIds()).isEqualTo(ids(1, 20)));
        agent.terminate();
        assertThat(agent.exitCode()).isZero();
      }
    }
  }

  @Test
  void whatAFullVolumeHasNoRoomForWaitsInTheJournal() throws Exception {
    int records = 1_000;
    try (SmallVolume volume = SmallVolume.mount(directory.resolve("volume"), 24)) {
      Path state = volume.state();
      receiver.behave(Behaviour.reset());
      Journal journal = new Journal(state);
      append(journal, 1, 10);
      try (AgentProcess agent = AgentProcess.start(state)) {
        await().atMost(Patience.LONG).until(() -> journal.directory.bytes() == 0);
        append(journal, 11, records);
        volume.fill();
        await()
            .atMost(Patience.LONG)
            .until(() -> Files.readString(state.resolve("agent.log")).contains("is full"));
        assertThat(journal.directory.bytes()).isPositive();
        StringWriter said = new StringWriter();
        assertThat(status(state, said)).isEqualTo(1);
        assertThat(said.toString()).contains("PROBLEM: the disk is full");
        assertThat(discarded(state)).as("nothing is given up because others fill a disk").isZero();

        volume.empty();
        receiver.behave(Behaviour.healthy());
        await()
            .atMost(Patience.LONG)
            .untilAsserted(
                () -> assertThat(receiver.eventIds().size() + discarded(state)).isEqualTo(records));
        agent.terminate();
        assertThat(agent.exitCode()).isZero();
      }
    }
  }
}

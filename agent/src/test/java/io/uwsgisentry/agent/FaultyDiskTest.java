package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.alarm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.DamagedOutbox;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The disk under the agent fails for a while, call by call ({@code proof/recorder.c}): nothing is
 * lost, nothing comes twice, and when the disk is well again so is the agent.
 */
@Timeout(600)
@Tag("process")
class FaultyDiskTest {
  private static final Duration SOON = Patience.LONG;
  private static final int ENOSPC = 28;

  @TempDir Path parent;
  private Path state;
  private Path recorder;
  private Journal journal;
  private Receiver receiver;

  @BeforeEach
  void prepare() throws Exception {
    state = parent.resolve("state");
    journal = new Journal(state);
    receiver = Receiver.start();
    recorder = parent.resolve("recorder.so");
    Path source = Path.of("").toAbsolutePath().getParent().resolve("proof/recorder.c");
    assertThat(
            new ProcessBuilder(
                    "cc", "-O1", "-fPIC", "-shared", "-o", recorder.toString(), source.toString())
                .inheritIO()
                .start()
                .waitFor())
        .isZero();
  }

  @AfterEach
  void stop() {
    receiver.close();
  }

  private static Set<String> ids(int to) {
    return IntStream.rangeClosed(1, to).mapToObj(Journal::id).collect(Collectors.toSet());
  }

  private AgentProcess failing(String fault) throws IOException {
    return AgentProcess.start(
        state,
        Map.of(
            "LD_PRELOAD",
            recorder.toString(),
            "RECORDER_DIR",
            state.toString(),
            "RECORDER_FAIL",
            fault));
  }

  @ParameterizedTest
  @CsvSource({
    // The outbox: no room, and an I/O error, from the first write on and in the middle.
    "write:1:28:outbox.db:40",
    "write:12:28:outbox.db-wal:25",
    "write:12:5:outbox.db-wal:25",
    // A quota that is used up.
    "write:12:122:outbox.db-wal:25",
    "fsync:1:5:outbox.db-wal:2",
    // The journal: a seal that fails, an unlink that fails.
    "rename:1:5:journal/live:2",
    "unlink:1:5:journal/sealed:2",
    "open:1:5:journal/sealed:2",
    // Both at once, and the log with them.
    "write:20:28:/:60"
  })
  void aDiskThatFailsForAWhileLosesNothing(String fault) throws Exception {
    for (int number = 1; number <= 5; number++) {
      journal.append(alarm(number, receiver.dsn(), number));
    }
    AgentProcess failed = failing(fault);
    AgentProcess agent = failed;
    try {
      journal.append(alarm(6, receiver.dsn(), 6));
      int turn = 0;
      long end = System.nanoTime() + SOON.toNanos();
      while (!receiver.eventIds().containsAll(ids(6)) && System.nanoTime() < end) {
        if (agent.ends(Duration.ofMillis(100))) {
          // Where the disk fails before it is at work it ends; its server starts it again.
          assertThat(agent.exitCode()).isEqualTo(1);
          assertThat(++turn).as("starts; %s", agent.output()).isLessThan(3);
          agent = AgentProcess.start(state);
        }
      }
      assertThat(receiver.eventIds()).isEqualTo(ids(6));
      await().atMost(SOON).until(() -> journal.directory.bytes() == 0);
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
      assertThat(failed.output()).contains("recorder: " + fault.split(":", 2)[0]);
    } finally {
      agent.close();
    }
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      assertThat(outbox.reader().states()).containsOnlyKeys(State.DELIVERED);
      assertThat(outbox.reader().states().get(State.DELIVERED).occurrences()).isEqualTo(6);
    }
    assertThat(DamagedOutbox.putAside(state.resolve("outbox.db")))
        .as("a disk that fails is no damage")
        .isEmpty();
  }

  @Test
  void aFileThatCannotBeReadHoldsUpNoOtherAndIsTakenWhenItCan() throws Exception {
    journal.append(alarm(1, receiver.dsn(), 1));
    String name = "sealed-" + "0".repeat(32);
    Path unreadable = journal.directory.live().resolveSibling(name);
    Files.move(journal.directory.live(), unreadable);
    for (int number = 2; number <= 4; number++) {
      journal.append(alarm(number, receiver.dsn(), 7));
    }
    for (int number = 5; number <= 9; number++) {
      // Of one fault: what is more than five is told when its window ends.
      journal.append(alarm(number, receiver.dsn(), 7));
    }
    // EIO for a first agent, however often it tries.
    try (AgentProcess agent = failing("open:1:5:" + name)) {
      await().atMost(SOON).until(() -> !agent.isAlive() || receiver.eventIds().size() == 6);
      assertThat(journal.directory.live()).doesNotExist();
      assertThat(Files.readString(state.resolve("agent.log")))
          .containsOnlyOnce(name + " cannot be read and is retried; other files are not affected");
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }
    assertThat(receiver.eventIds()).doesNotContain(Journal.id(1));

    // For a second one twice.
    try (AgentProcess agent = failing("open:1:5:" + name + ":2")) {
      await().atMost(SOON).until(() -> receiver.eventIds().contains(Journal.id(1)));
      await().atMost(SOON).until(() -> Files.notExists(unreadable));
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }
    assertThat(Files.readString(state.resolve("agent.log"))).contains(name + " was read now");
  }

  @Test
  void aDiskThatStaysFullKeepsTheRecordsInTheJournalAndSaysSo() throws Exception {
    journal.append(alarm(1, receiver.dsn(), 1));
    try (AgentProcess agent = failing("write:12:" + ENOSPC + ":outbox.db")) {
      await()
          .atMost(SOON)
          .until(
              () ->
                  !agent.isAlive()
                      || Files.exists(state.resolve("agent.log"))
                          && Files.readString(state.resolve("agent.log")).contains("full"));
    }
    assertThat(journal.directory.bytes()).isPositive();

    try (AgentProcess agent = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
      assertThat(agent.exitCode()).isZero();
    }
    assertThat(receiver.eventIds()).isEqualTo(ids(1));
  }

  @Test
  void aDirectoryThatCannotBeWrittenIsToldAndLeftAsItIs() throws Exception {
    assumeTrue(
        DirectoryInspection.ownUid() != 0 || Files.isExecutable(Path.of("/usr/bin/setpriv")),
        "as root modes do not hold");
    journal.append(alarm(1, receiver.dsn(), 1));
    Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("r-x------"));
    try (AgentProcess agent =
        AgentProcess.start(
            state,
            Map.of(
                "LD_PRELOAD",
                recorder.toString(),
                "RECORDER_DIR",
                state.toString(),
                // What a read-only file system answers.
                "RECORDER_FAIL",
                "open:1:30:agent"))) {
      assertThat(agent.exitCode()).isEqualTo(1);
      assertThat(agent.output()).contains("agent.lock");
    }
    assertThat(journal.directory.bytes()).isPositive();
  }

  @Test
  void twoHundredThousandRecordsThatWaitFitItsMemory() throws Exception {
    int records = 200_000;
    int faults = 200;
    var bytes = new java.io.ByteArrayOutputStream();
    for (int number = 1; number <= records; number++) {
      bytes.writeBytes(journal.bytes(alarm(number, "", number % faults)));
      if (bytes.size() > 1 << 20) {
        journal.appendBytes(bytes.toByteArray());
        bytes.reset();
      }
    }
    journal.appendBytes(bytes.toByteArray());

    // With -Xmx48m, as its server starts it.
    try (AgentProcess agent = AgentProcess.start(state)) {
      await().atMost(Patience.LONG).until(() -> !agent.isAlive() || journal.directory.bytes() == 0);
      assertThat(agent.isAlive()).as(agent.output()).isTrue();
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      long stored =
          outbox.reader().states().values().stream().mapToLong(t -> t.occurrences()).sum();
      long counted =
          outbox.intake().stormsCounted(10_000, Long.MAX_VALUE).stream()
              .mapToLong(f -> f.window().counted())
              .sum();
      assertThat(stored + counted).isEqualTo(records);
    }
  }
}

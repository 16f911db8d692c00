package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.intake.JournalPump;
import io.uwsgisentry.intake.Standing;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Keys;
import io.uwsgisentry.outbox.DamagedOutbox;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The machine stops after any one of the changes that an agent makes to its files, and what was not
 * synced is there, or gone, or torn: the next agent finds every record, and none twice.
 *
 * <p>A real agent is recorded; then for each point in its changes the directory is built as it
 * would be and taken up by the code that an agent begins with. What the writers appended counts as
 * synced: what the kernel had not written of that is lost, as {@code docs/journal.md} says.
 */
@Timeout(600)
@Tag("process")
class CrashPointTest {
  private static final Pattern KEY = Pattern.compile("key|new-[^/]*");
  private static final Pattern OF_INTEREST =
      Pattern.compile("key|outbox\\.db|outbox\\.db-wal|journal/(live|sealed-.*)");

  private Path scratch;
  private Path state;
  private Path recorder;
  private Receiver receiver;

  @BeforeEach
  void prepare() throws Exception {
    // Thousands of small databases: in memory where that is possible.
    Path memory = Path.of("/dev/shm");
    scratch =
        Files.isWritable(memory)
            ? Files.createTempDirectory(memory, "uwsgi-sentry-crash")
            : Files.createTempDirectory("uwsgi-sentry-crash");
    state = scratch.resolve("state");
    recorder = scratch.resolve("recorder.so");
    receiver = Receiver.start();
    Path source = Path.of("").toAbsolutePath().getParent().resolve("proof/recorder.c");
    Process compiler =
        new ProcessBuilder(
                "cc", "-O1", "-fPIC", "-shared", "-o", recorder.toString(), source.toString())
            .inheritIO()
            .start();
    assertThat(compiler.waitFor()).isZero();
  }

  @AfterEach
  void remove() throws IOException {
    receiver.close();
    RuntimeDirectory.remove(scratch);
  }

  private static Set<String> ids(int from, int to) {
    return IntStream.rangeClosed(from, to).mapToObj(Journal::id).collect(Collectors.toSet());
  }

  private RecordedChanges record(String... options) throws Exception {
    RecordedChanges changes = record(OF_INTEREST, options);
    assertThat(changes.count()).isGreaterThan(20);
    return changes;
  }

  private RecordedChanges record(Pattern ofInterest, String... options) throws Exception {
    RecordedChanges changes =
        new RecordedChanges(state, name -> ofInterest.matcher(name).matches());
    Path trace = scratch.resolve("trace");
    Map<String, String> environment =
        Map.of(
            "LD_PRELOAD",
            recorder.toString(),
            "RECORDER_DIR",
            state.toString(),
            "RECORDER_TO",
            trace.toString());
    try (AgentProcess agent = AgentProcess.start(state, environment, options)) {
      assertThat(agent.exitCode()).as(agent.output()).isZero();
    }
    assumeTrue(Files.size(trace) > 0, "nothing was recorded: no LD_PRELOAD here");
    changes.read(trace);
    return changes;
  }

  @Test
  void whatTheJournalHeldIsThereOnceAfterACrashAtAnyPointOfAFirstStart() throws Exception {
    Journal journal = new Journal(state);
    for (int number = 1; number <= 4; number++) {
      journal.append(alarm(number, "", number));
    }
    journal.directory.seal();
    journal.append(alarm(4, "", 4)); // appended twice, the file was renamed under its writer
    journal.appendBytes(Arrays.copyOf(journal.bytes(alarm(99, "", 99)), 90)); // a torn one
    for (int number = 5; number <= 8; number++) {
      journal.append(alarm(number, "", number));
    }

    everyPoint(record("--drain-only"), ids(1, 8));
  }

  @Test
  void whatWasSentIsSentAgainAtWorstAfterACrashAtAnyPointOfALaterStart() throws Exception {
    Journal journal = new Journal(state);
    for (int number = 1; number <= 3; number++) {
      journal.append(alarm(number, receiver.dsn(), number));
    }
    try (AgentProcess first = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
      assertThat(first.exitCode()).isZero();
    }
    for (int number = 4; number <= 7; number++) {
      journal.append(alarm(number, receiver.dsn(), number));
    }
    journal.append(alarm(3, receiver.dsn(), 3));

    RecordedChanges changes = record("--drain-only", "--drain", "60");

    assertThat(receiver.eventIds()).isEqualTo(ids(1, 7));
    everyPoint(changes, ids(1, 7));
  }

  @Test
  void aKeyIsWholeOrNotThereAfterACrashAtAnyPointOfTheVeryFirstStart() throws Exception {
    Files.createDirectories(state);
    RecordedChanges changes = record(KEY, "--drain-only");
    assertThat(state.resolve("key")).hasSize(16);
    assertThat(changes.count()).as("made, written, synced, named").isGreaterThanOrEqualTo(4);
    everyPoint(changes, Set.of());
  }

  private void everyPoint(RecordedChanges changes, Set<String> records) throws Exception {
    int built = 0;
    for (int point = 0; point <= changes.count(); point++) {
      for (RecordedChanges.Data data : RecordedChanges.Data.values()) {
        for (RecordedChanges.Names names : RecordedChanges.Names.values()) {
          Path crashed = scratch.resolve("crashed");
          changes.build(crashed, point, data, names, point);
          try {
            recover(crashed, records);
          } catch (Exception | AssertionError e) {
            throw new AssertionError(
                "a crash at point %d of %d, after %s; data %s, names %s"
                    .formatted(point, changes.count(), changes.before(point), data, names),
                e);
          }
          RuntimeDirectory.remove(crashed);
          built++;
        }
      }
    }
    System.out.println(changes.count() + " changes, " + built + " crashes");
  }

  /** What an agent does at its start, without a process of its own. */
  private void recover(Path crashed, Set<String> records) throws Exception {
    JournalDirectory journal = JournalDirectory.create(crashed);
    assertThat(DamagedOutbox.isHeadless(crashed.resolve("outbox.db")))
        .as("a write-ahead log without its database")
        .isFalse();
    try (Outbox outbox = Outbox.open(crashed.resolve("outbox.db"))) {
      JournalPump pump =
          new JournalPump(
              journal,
              new Keys(journal.key()),
              Standing.assumed(),
              outbox,
              new EventFactory(new Scrubber(), "test"),
              () -> {},
              (level, line) -> {},
              Clock.systemUTC(),
              System::nanoTime);
      while (pump.pass()) {
        // Until nothing is left.
      }
      pump.finish();
      outbox.requireSound();
      assertThat(journal.bytes()).as("what is left in the journal").isZero();
      List<Entry> entries = outbox.reader().list(Filter.ALL, 1_000);
      assertThat(entries).extracting(Entry::id).containsExactlyInAnyOrderElementsOf(records);
      assertThat(entries).allSatisfy(entry -> assertThat(entry.occurrences()).isEqualTo(1));
      Set<String> delivered = new HashSet<>();
      for (Entry entry : entries) {
        if (entry.state() == State.DELIVERED) {
          delivered.add(entry.id());
        }
      }
      assertThat(receiver.eventIds()).as("noted as delivered").containsAll(delivered);
    }
  }

  @Test
  void anAgentThatForgetsToSyncIsFoundOut() throws Exception {
    // The same points with every sync left out, which is what a wrong order of steps amounts to.
    Journal journal = new Journal(state);
    journal.append(alarm(1, "", 1));
    RecordedChanges changes = record("--drain-only");
    changes.forgetSyncs();

    Path crashed = scratch.resolve("crashed");
    changes.build(
        crashed, changes.count(), RecordedChanges.Data.DROPPED, RecordedChanges.Names.KEPT, 0);

    org.assertj.core.api.Assertions.assertThatThrownBy(() -> recover(crashed, Set.of(id(1))))
        .isInstanceOf(Throwable.class);
  }
}

package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What an agent has open is removed, moved, restored or replaced while it runs, with events that
 * wait in its database and a journal that goes on: afterwards one agent serves what stands there.
 */
@Timeout(600)
class ReplacedStateTest {
  private static final int AT_ONCE = 6;

  /** Of every part, as in {@code ./run soak}. */
  private static final boolean ALL = Boolean.getBoolean("replaced.all");

  @TempDir Path parent;

  private enum Part {
    STATE("state"),
    JOURNAL("journal"),
    KEY("key"),
    LOCK("agent.lock"),
    DATABASE("outbox.db", "outbox.db-wal", "outbox.db-shm"),
    DATABASE_FILE("outbox.db"),
    WRITE_AHEAD_LOG("outbox.db-wal"),
    SHARED_MEMORY("outbox.db-shm"),
    LOCK_AND_DATABASE("agent.lock", "outbox.db", "outbox.db-wal", "outbox.db-shm"),
    KEY_AND_JOURNAL("key", "journal");

    private final List<String> names;

    Part(String... names) {
      this.names = List.of(names);
    }

    /** Whether an agent can go on with what stands there then. */
    boolean isFollowed() {
      return this == JOURNAL || this == KEY || this == KEY_AND_JOURNAL;
    }

    boolean holdsEvents() {
      return this == STATE || names.contains("outbox.db");
    }
  }

  private static final List<Part> MAIN_PARTS =
      List.of(Part.STATE, Part.LOCK, Part.DATABASE, Part.WRITE_AHEAD_LOG, Part.KEY_AND_JOURNAL);

  @Test
  @Tag("process")
  void eachOfThemByEachOfTheMeans() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
    List<Future<?>> cases = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    for (Part part : ALL ? List.of(Part.values()) : MAIN_PARTS) {
      for (Means means : Means.values()) {
        cases.add(
            threads.submit(
                () -> {
                  try {
                    check(part, means);
                  } catch (Exception | AssertionError e) {
                    synchronized (failures) {
                      failures.add(part + " " + means + ": " + e);
                    }
                  }
                }));
      }
    }
    threads.shutdown();
    for (Future<?> one : cases) {
      one.get();
    }
    assertThat(failures).isEmpty();
  }

  @Test
  @Tag("process")
  void aDatabaseThatIsMovedWithoutItsLogTakesAlongWhatWaits() throws Exception {
    Path state = parent.resolve("state");
    Path aside = Files.createDirectory(parent.resolve("aside"));
    Journal journal = new Journal(state);
    try (Receiver receiver = Receiver.start();
        SupervisedAgent agent = new SupervisedAgent(state)) {
      receiver.behave(Behaviour.status(503));
      append(journal, 1, 3, receiver);
      receiver.awaitRequests(1, Patience.SOON);
      await().atMost(Patience.SOON).until(() -> waiting(state) == 3);
      Files.move(state.resolve("outbox.db"), aside.resolve("outbox.db"));
      await().atMost(Patience.SOON).until(() -> agent.codes().contains(Agent.REPLACED));
    }
    assertThat(waiting(aside)).isEqualTo(3);
  }

  private void check(Part part, Means means) throws Exception {
    Path home = Files.createDirectory(parent.resolve(part + "-" + means));
    Path aside = Files.createDirectory(home.resolve("aside"));
    Path state = home.resolve("state");
    Journal journal = new Journal(state);
    try (Receiver receiver = Receiver.start();
        SupervisedAgent agent = new SupervisedAgent(state, "--drain", "20")) {
      journal.append(alarm(1, receiver.dsn()));
      receiver.awaitEvents(1, Patience.SOON);
      // These wait in the database.
      receiver.behave(Behaviour.status(503));
      append(journal, 2, 4, receiver);
      await().atMost(Patience.SOON).until(() -> waiting(state) == 3);

      means.of(part == Part.STATE ? home : state, part.names, aside);
      receiver.behave(Behaviour.healthy());

      // As a server that looks at what stands there now, be it one that starts.
      await()
          .atMost(Patience.SOON)
          .until(
              () -> Files.exists(state.resolve("key")) && Files.exists(state.resolve("journal")));
      append(new Journal(state), 5, 7, receiver);
      Set<String> coming = Set.of(id(1), id(5), id(6), id(7));
      await()
          .atMost(Patience.LONG)
          .untilAsserted(() -> assertThat(receiver.eventIds()).containsAll(coming));
      if (!wentWithTheirDatabase(part, means)) {
        Set<String> waited = Set.of(id(2), id(3), id(4));
        await()
            .atMost(Patience.LONG)
            .untilAsserted(
                () ->
                    assertThat(
                            waited.stream().filter(receiver.eventIds()::contains).count()
                                + lost(state))
                        .as("delivered or counted, of " + receiver.eventIds())
                        .isGreaterThanOrEqualTo(3));
      }
      if (means != Means.MOVED_AWAY_AND_BACK && !part.isFollowed()) {
        await().atMost(Patience.SOON).until(() -> agent.codes().contains(Agent.REPLACED));
        // Or it is the first of a directory that is new.
        await().atMost(Patience.SOON).until(() -> !Changes.of(state).isEmpty());
      }
      await().atMost(Patience.SOON).until(() -> agents(state) == 1);
      assertThat(agent.codes()).allMatch(code -> code == Agent.REPLACED);
    }
  }

  /** They wait where the database is by now, and nowhere else. */
  private static boolean wentWithTheirDatabase(Part part, Means means) {
    return part.holdsEvents() && (means == Means.MOVED_AWAY || means == Means.REPLACED);
  }

  private static long lost(Path state) throws IOException {
    return Changes.of(state).stream().mapToLong(Changes.Change::lost).sum();
  }

  private static void append(Journal journal, int from, int to, Receiver receiver)
      throws IOException {
    for (int number = from; number <= to; number++) {
      journal.append(alarm(number, receiver.dsn()));
    }
  }

  private static int waiting(Path state) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().list(Filter.of(State.READY), 100).size();
    }
  }

  /** How many run that serve this directory. */
  static long agents(Path state) {
    return ProcessHandle.allProcesses()
        .filter(
            process ->
                process
                    .info()
                    .arguments()
                    .map(arguments -> List.of(arguments).contains(state.toString()))
                    .orElse(false))
        .count();
  }
}

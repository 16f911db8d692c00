package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Parts of the state directory by random means at random moments, while writers append: what was
 * accepted by the directory that stands at the end of a round is delivered or counted, and one
 * agent runs. {@code -Dreplaced.seed} repeats the choices, {@code -Dreplaced.seconds} goes on.
 */
@Timeout(7200)
class ReplacedAtRandomTest {
  private static final long SECONDS = Long.getLong("replaced.seconds", 5);

  private static final List<List<String>> PARTS =
      List.of(
          List.of("state"),
          List.of("agent.lock"),
          List.of("outbox.db", "outbox.db-wal", "outbox.db-shm"),
          List.of("outbox.db-wal"),
          List.of("outbox.db-shm"),
          List.of("key"),
          List.of("journal"),
          List.of("key", "journal"),
          List.of("runtime"));

  @TempDir Path parent;
  private final List<Path> asides = new ArrayList<>();
  // What is open keeps its inode: no later directory can be taken for it.
  private final List<DirectoryStream<Path>> held = new ArrayList<>();

  @Test
  @Tag("process")
  void whatTheStandingDirectoryAcceptedIsDeliveredOrCounted() throws Exception {
    long seed = Long.getLong("replaced.seed", new Random().nextLong());
    System.out.println("-Dreplaced.seed=" + seed);
    Random chance = new Random(seed);
    Path home = Files.createDirectory(parent.resolve("home"));
    Path state = home.resolve("state");
    List<String> done = new ArrayList<>();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    new Journal(state);
    try (Receiver receiver = Receiver.start();
        SupervisedAgent agent = new SupervisedAgent(state, "--drain", "20")) {
      int number = 0;
      do {
        done.add("| ");
        try (FollowingWriters writers = new FollowingWriters(state, receiver.dsn(), number)) {
          for (int i = 1 + chance.nextInt(3); i > 0; i--) {
            TimeUnit.MILLISECONDS.sleep(chance.nextInt(1500));
            List<String> part = PARTS.get(chance.nextInt(PARTS.size()));
            Means means = Means.values()[chance.nextInt(Means.values().length)];
            done.add(part + " " + means);
            disturb(part.contains("state") ? home : state, part, means);
          }
          await().atMost(Patience.SOON).until(() -> Files.exists(state.resolve("journal")));
          TimeUnit.MILLISECONDS.sleep(chance.nextInt(1500));
          number = writers.end();
          Set<String> accepted = writers.acceptedBy(state.resolve("journal"));
          await()
              .atMost(Patience.LONG)
              .ignoreExceptions()
              .untilAsserted(
                  () -> {
                    Set<String> missing = new HashSet<>(accepted);
                    missing.removeAll(receiver.eventIds());
                    missing.removeAll(waitingElsewhere());
                    assertThat((long) missing.size())
                        .as("%d accepted; seed %d: %s", accepted.size(), seed, done)
                        .isLessThanOrEqualTo(counted(state));
                  });
        }
        await().atMost(Patience.SOON).until(() -> ReplacedStateTest.agents(state) == 1);
        assertThat(agent.ended())
            .as("seed %d: %s", seed, done)
            .allMatch(ended -> ended.code() == Agent.REPLACED || !hadStarted(ended));
      } while (System.nanoTime() < end);
    } finally {
      for (DirectoryStream<Path> one : held) {
        one.close();
      }
    }
  }

  /** A start into a directory that is just being copied may fail, and is tried again. */
  private static boolean hadStarted(SupervisedAgent.Ended ended) {
    return ended.output().contains(" started, pid ");
  }

  private void disturb(Path directory, List<String> names, Means means) throws Exception {
    Path aside = Files.createDirectory(parent.resolve("aside" + asides.size()));
    asides.add(aside);
    for (String name : List.of("state/journal", "journal")) {
      if (Files.exists(directory.resolve(name))) {
        held.add(Files.newDirectoryStream(directory.resolve(name)));
      }
    }
    try {
      means.of(directory, names, aside);
    } catch (java.nio.file.FileAlreadyExistsException e) {
      // The agent made another one meanwhile: it stays, and the first one stays aside.
    }
  }

  /** The events in databases that were moved away: whoever looks there finds them. */
  private Set<String> waitingElsewhere() {
    Set<String> ids = new HashSet<>();
    for (Path aside : asides) {
      for (String name : List.of("", "old", "state", "old/state")) {
        Path database = aside.resolve(name).resolve("outbox.db");
        if (Files.exists(database)) {
          try (Outbox outbox = Outbox.openReadOnly(database)) {
            outbox.reader().list(Filter.ALL, 100_000).forEach(entry -> ids.add(entry.id()));
          } catch (IOException e) {
            // A copy of one that was being written to.
          }
        }
      }
    }
    return ids;
  }

  private static long counted(Path state) throws IOException {
    long lost = Changes.of(state).stream().mapToLong(Changes.Change::lost).sum();
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return lost
          + outbox.reader().counters().stream()
              .filter(counter -> counter.name() == Counter.Name.OTHER_KEY)
              .mapToLong(Counter::quantity)
              .sum();
    }
  }
}

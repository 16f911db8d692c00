package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.agent.AgentLog.Component;
import io.uwsgisentry.cli.AgentRunner;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The agent's small parts, each alone. */
class AgentPartsTest {
  @TempDir Path directory;

  @Test
  void theLockIsHeldOnceAndLetGoWithItsHolder() throws IOException {
    try (AgentLock first = AgentLock.take(directory).orElseThrow()) {
      assertThat(first).isNotNull();
      assertThat(AgentLock.take(directory)).isEmpty();
    }
    Optional<AgentLock> next = AgentLock.take(directory);
    assertThat(next).isPresent();
    next.get().close();
  }

  @Test
  void theLogKeepsOneOldGenerationAndStaysSmall() throws IOException {
    try (AgentLog log = AgentLog.open(directory, Clock.systemUTC(), 1_000)) {
      for (int i = 0; i < 200; i++) {
        log.of(Component.AGENT).info("line " + i);
      }
    }

    Path current = directory.resolve("agent.log");
    Path old = directory.resolve("agent.log.1");
    assertThat(Files.readString(current)).endsWith("line 199\n");
    assertThat(Files.size(current)).isLessThanOrEqualTo(1_000);
    assertThat(Files.size(old)).isLessThanOrEqualTo(1_000);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(current)))
        .isEqualTo("rw-------");
    try (var files = Files.list(directory)) {
      assertThat(files).hasSize(2);
    }
  }

  @Test
  void aThreadThatIsInterruptedDoesNotCloseTheLogForAllOthers() throws Exception {
    try (AgentLog log = AgentLog.open(directory, Clock.systemUTC())) {
      Thread interrupted =
          new Thread(
              () -> {
                Thread.currentThread().interrupt();
                log.of(Component.AGENT).info("by one that was interrupted");
              });
      interrupted.start();
      interrupted.join();
      log.of(Component.AGENT).info("by another");
    }
    assertThat(Files.readString(directory.resolve("agent.log")))
        .contains("by one that was interrupted", "by another");
  }

  @Test
  void everyLineOfTheLogHasTimeLevelAndComponentAndOthersBelongToIt() throws IOException {
    Clock clock = Clock.fixed(Instant.parse("2026-11-28T22:51:27Z"), ZoneOffset.UTC);
    try (AgentLog log = AgentLog.open(directory, clock)) {
      log.of(Component.DELIVERY).warn("one\ntwo\n");
      log.of(Component.DATABASE).error("three");
      log.of(Component.JOURNAL).info("four");
    }

    assertThat(Files.readAllLines(directory.resolve("agent.log")))
        .containsExactly(
            "2026-11-28T22:51:27.000Z WARN delivery: one",
            "    two",
            "2026-11-28T22:51:27.000Z ERROR database: three",
            "2026-11-28T22:51:27.000Z INFO journal: four");
  }

  @Test
  void operationsHasALineOfTheLogAndEachLevelAndComponent() throws IOException {
    String page = Files.readString(Path.of("../docs/operations.md"));
    String section = page.substring(page.indexOf("## agent.log"));
    for (Log.Level level : Log.Level.values()) {
      assertThat(section).contains("| `" + level + "` |");
    }
    for (Component component : Component.values()) {
      assertThat(section).contains("| `" + component.name().toLowerCase(Locale.ROOT) + "` |");
    }
    assertThat(section).containsPattern("(?m)^" + LogForm.LINE + "$");
  }

  @Test
  void whatServersAndApplicationsPutIntoTheLogMovesNoCursor() throws IOException {
    try (AgentLog log = AgentLog.open(directory, Clock.systemUTC())) {
      log.of(Component.AGENT).info("it said: \u001b[2Jgone\rover\u202ereversed\nsecond");
    }
    assertThat(Files.readString(directory.resolve("agent.log")))
        .endsWith("it said: \\x1b[2Jgone\\rover\\u202ereversed\n    second\n");
  }

  @Test
  @Tag("process")
  void aMasterIsAliveUntilItsProcessIsGone() throws Exception {
    Process process = new ProcessBuilder("sleep", "600").start();
    MasterProcess master = MasterProcess.of(process.pid());
    assertThat(master.isAlive()).isTrue();

    process.destroyForcibly().waitFor();

    await().atMost(Patience.SOON).until(() -> !master.isAlive());
    assertThat(MasterProcess.of(process.pid()).isAlive()).isFalse();
  }

  @Test
  @Tag("process")
  void aMasterThatNobodyWaitedForIsGone() throws Exception {
    // The shell starts a process, becomes one that waits for nobody, and tells the number.
    Process parent = new ProcessBuilder("sh", "-c", "sleep 0.3 & echo $!; exec sleep 600").start();
    try {
      long pid = Long.parseLong(parent.inputReader().readLine());
      MasterProcess zombie = MasterProcess.of(pid);
      await().atMost(Patience.SOON).until(() -> !zombie.isAlive());
      assertThat(Files.exists(Path.of("/proc", Long.toString(pid)))).isTrue();
    } finally {
      parent.destroyForcibly();
    }
  }

  @Test
  void withoutAMasterASignalEndsIt() {
    Lifetime lifetime = new Lifetime(directory, null);
    assertThat(lifetime.over()).isFalse();

    lifetime.signal();

    assertThat(lifetime.over()).isTrue();
  }

  @Test
  void aSignalEndsAWait() throws InterruptedException {
    Lifetime lifetime = new Lifetime(directory, null);
    Thread thread = new Thread(lifetime::signal);
    thread.start();

    long before = System.nanoTime();
    lifetime.pause(Patience.LONG);

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Patience.LONG.dividedBy(2));
    thread.join();
  }

  @Test
  void theSupervisorsCommandLineIsRead() {
    assertThat(
            SupervisedStart.read(
                "agent", "--dir", "/d", "--master", "42", "--drain", "7", "--drain-only"))
        .contains(
            new AgentRunner.Arguments(Path.of("/d"), 42L, Duration.ofSeconds(7), true, Map.of()));
    assertThat(SupervisedStart.read("agent", "--dir", "/d"))
        .contains(
            new AgentRunner.Arguments(Path.of("/d"), null, Duration.ofSeconds(2), false, Map.of()));
    assertThat(
            SupervisedStart.read(
                "agent",
                "--dir",
                "/d",
                "--outbox-age",
                "2d",
                "--outbox-entries",
                "1000",
                "--history",
                "1d,1m",
                "--max-requests",
                "8"))
        .hasValueSatisfying(arguments -> assertThat(arguments.maxRequests()).isEqualTo(8))
        .hasValueSatisfying(
            arguments ->
                assertThat(arguments.bounds())
                    .isEqualTo(
                        Bounds.of(
                            Map.of(
                                InstanceOption.OUTBOX_AGE,
                                "2d",
                                InstanceOption.OUTBOX_ENTRIES,
                                "1000",
                                InstanceOption.HISTORY,
                                "1d,1m"))));
    for (String odd : List.of("--outbox-age 7", "--max-requests 1", "--dsn x", "--outbox-max")) {
      assertThat(SupervisedStart.read(("agent --dir /d " + odd).split(" "))).isEmpty();
    }
  }

  @Test
  void everyOtherCommandLineIsLeftToTheCommandLinesOwnReader() {
    for (String line :
        List.of(
            "",
            "status --dir /d",
            "agent",
            "agent --help",
            "agent --dir",
            "agent --dir /d --master",
            "agent --dir /d --master x",
            "agent --dir /d --drain 0.5",
            "agent --dir=/d",
            "agent --dir /d extra")) {
      assertThat(SupervisedStart.read(line.split(" "))).as(line).isEmpty();
    }
  }
}

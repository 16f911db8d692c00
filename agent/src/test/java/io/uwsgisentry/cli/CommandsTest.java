package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.InstanceOption;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands on a real directory with a real database, as a person runs them. */
class CommandsTest {
  @TempDir Path temporary;
  private CommandScene scene = new CommandScene(Path.of(""));

  @BeforeEach
  void scene() {
    scene = new CommandScene(temporary);
  }

  @Test
  void eventsAreListedNewestFirst() throws IOException {
    scene.threeEvents();
    CommandScene.Answer answer = scene.run("events");
    assertThat(answer.code()).isZero();
    assertThat(answer.out().lines().map(line -> line.split(" +")[0]))
        .containsExactlyInAnyOrder("ID", "aa110000", "aa220000", "bb330000");
    assertThat(answer.out()).contains("error    ready").contains("info     local").contains("dead");
  }

  @Test
  void everyFilterFilters() throws IOException {
    scene.threeEvents();
    assertThat(ids(scene.run("events", "--state", "ready,dead")))
        .containsExactlyInAnyOrder("aa110000", "aa220000");
    assertThat(ids(scene.run("events", "--level", "WARNING"))).containsExactly("aa220000");
    assertThat(ids(scene.run("events", "--handler", "alarm lqfull"))).containsExactly("aa110000");
    assertThat(ids(scene.run("events", "--instance", "blog"))).isEmpty();
    assertThat(ids(scene.run("events", "--grep", "IT")))
        .containsExactlyInAnyOrder("aa220000", "bb330000");
    assertThat(ids(scene.run("events", "--since", "2m"))).containsExactly("aa110000");
    assertThat(ids(scene.run("events", "--since", "2026-11-22")))
        .containsExactlyInAnyOrder("aa110000", "aa220000");
    assertThat(ids(scene.run("events", "--since", "2026-11-22T13:30+02:00")))
        .containsExactly("aa110000");
    assertThat(ids(scene.run("events", "--limit", "1"))).hasSize(1);
  }

  private static List<String> ids(CommandScene.Answer answer) {
    return answer.out().lines().skip(1).map(line -> line.split(" +")[0]).toList();
  }

  @Test
  void anEmptyAnswerHasItsExitCode() throws IOException {
    scene.threeEvents();
    CommandScene.Answer answer = scene.run("events", "--grep", "no such thing");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.out()).isEqualTo("no events\n");
    assertThat(scene.run("events", "--grep", "no such thing", "--json").out()).isEmpty();
  }

  @Test
  void anEventIsShownByTheBeginningOfItsId() throws IOException {
    scene.threeEvents();
    CommandScene.Answer answer = scene.run("events", "show", "AA22");
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .startsWith("put it\n")
        .contains("403 no such key")
        .contains("at = 2026-11-22T10:00:00Z");
    assertThat(answer.out()).doesNotContain("topsecret").doesNotContain("0123456789abcdef");
  }

  @Test
  void aBeginningOfSeveralIdsNamesThem() throws IOException {
    scene.threeEvents();
    CommandScene.Answer answer = scene.run("events", "show", "aa");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.err())
        .contains(CommandScene.id("aa11") + "  queue full")
        .contains(CommandScene.id("aa22") + "  put it");
    assertThat(scene.run("events", "show", "cc").err())
        .contains("there is no event whose id begins with cc");
    assertThat(scene.run("events", "show", "xyz").code()).isEqualTo(2);
  }

  @Test
  void theDirectoryMayBeNamedBeforeOrBehind() throws IOException {
    scene.threeEvents();
    String dir = scene.directory().toString();
    assertThat(scene.run(Map.of(), "events", "show", "bb33", "--dir", dir).code()).isZero();
    assertThat(scene.run(Map.of(), "events", "--dir", dir, "--level", "info").code()).isZero();
  }

  @Test
  void statusTellsWhatWaitsAndThatNobodyComes() throws IOException {
    scene.threeEvents();
    Files.createDirectories(scene.directory().resolve("journal"));
    Files.writeString(scene.directory().resolve("journal/live"), "x".repeat(2048));
    CommandScene.Answer answer = scene.run("status");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.out())
        .contains("not running; records wait for it")
        .contains("2.0 KiB in 1 file\n")
        .contains("1 ready, 1 local, 1 dead")
        .contains("https://0123***:***@sentry.example.com/7\n")
        .contains("403 no such key");
  }

  @Test
  @Tag("process")
  void statusSeesAnAgentThatHoldsTheLock() throws Exception {
    scene.threeEvents();
    Path lock = scene.directory().resolve("agent.lock");
    // fcntl locks do not collide within a process, and a JVM refuses to try: another process must
    // hold it.
    Process holder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                LockHolder.class.getName(),
                lock.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(holder.inputReader().readLine()).isEqualTo("locked");
      CommandScene.Answer answer = scene.run("status");
      assertThat(answer.out()).doesNotContain("no agent is running");
      assertThat(answer.out()).contains("agent        running, pid " + holder.pid() + "\n");
    } finally {
      holder.destroyForcibly().waitFor();
    }
    assertThat(scene.run("status").out()).contains("agent        not running");
  }

  /** Holds a lock until its process is killed. */
  static final class LockHolder {
    public static void main(String[] arguments) throws Exception {
      try (FileChannel channel =
          FileChannel.open(
              Path.of(arguments[0]), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        channel.lock();
        System.out.println("locked");
        Thread.sleep(Long.MAX_VALUE);
      }
    }
  }

  @Test
  void retryMakesADeadEventReady() throws IOException {
    scene.threeEvents();
    CommandScene.Answer answer = scene.run("events", "retry", "aa22");
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .isEqualTo(
            "1 event looked at, 1 ready to be sent; no agent is running, the next one sends them\n");
    assertThat(ids(scene.run("events", "--state", "ready")))
        .containsExactlyInAnyOrder("aa110000", "aa220000");
  }

  @Test
  void retryingAllLeavesWhatHasNoDsnWhereItIs() throws IOException {
    scene.threeEvents();
    assertThat(scene.run("events", "retry", "--all").out())
        .startsWith("3 events looked at, 2 ready to be sent");
    assertThat(ids(scene.run("events", "--state", "local"))).containsExactly("bb330000");
    assertThat(scene.run("events", "retry", "bb33").code()).isEqualTo(1);
  }

  @Test
  void retryWantsToKnowWhat() throws IOException {
    scene.threeEvents();
    assertThat(scene.run("events", "retry").code()).isEqualTo(2);
    assertThat(scene.run("events", "retry", "--all", "aa11").code()).isEqualTo(2);
    CommandScene.Answer unknown = scene.run("events", "retry", "aa22", "dd");
    assertThat(unknown.code()).isEqualTo(1);
    assertThat(unknown.err()).contains("no event whose id begins with dd; nothing was changed");
    assertThat(ids(scene.run("events", "--state", "dead"))).containsExactly("aa220000");
  }

  @Test
  void lookingCreatesNothing() throws IOException {
    CommandScene.Answer missing = scene.run("status");
    assertThat(missing.code()).isEqualTo(3);
    assertThat(missing.err()).contains("there is no state directory at " + scene.directory());
    assertThat(scene.directory()).doesNotExist();

    Files.createDirectory(scene.directory());
    assertThat(scene.run("events").out()).isEqualTo("no events\n");
    assertThat(scene.run("status").out()).contains("none yet");
    assertThat(files(scene.directory())).isEmpty();

    scene.threeEvents();
    List<String> before = files(scene.directory());
    scene.run("events");
    scene.run("events", "show", "aa11");
    scene.run("status");
    assertThat(files(scene.directory())).isEqualTo(before);
  }

  private static List<String> files(Path directory) throws IOException {
    try (Stream<Path> found = Files.list(directory)) {
      return found.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theDirectoryIsFoundInTheOrderThatTheHelpTells() throws IOException {
    Path home = temporary.resolve("home/.local/state/uwsgi-sentry");
    assertThat(scene.run(Map.of(), "status").err()).contains("no state directory at " + home);
    Path xdg = temporary.resolve("xdg");
    assertThat(scene.run(Map.of("XDG_STATE_HOME", xdg.toString()), "status").err())
        .contains("no state directory at " + xdg.resolve("uwsgi-sentry"));
    Path server =
        temporary.resolve("system").resolve(Long.toString(scene.surroundings(Map.of()).uid()));
    Files.createDirectories(server);
    assertThat(scene.run(Map.of("XDG_STATE_HOME", xdg.toString()), "status").out())
        .contains(server.toString());
    Files.createDirectories(scene.directory());
    assertThat(scene.run("status").out()).contains(scene.directory().toString());
  }

  @Test
  void otherServersDirectoriesAreSuggested() throws IOException {
    Path other = temporary.resolve("system/12345");
    Path further = temporary.resolve("system/www-data");
    Files.createDirectories(other);
    Files.createDirectories(further);
    assertThat(scene.run(Map.of(), "status").err())
        .contains("; name one of these with --dir: " + other + ", " + further);
  }

  @Test
  void theAgentGetsItsOptions() throws IOException {
    CommandScene.Answer answer =
        scene.run(
            "agent",
            "--dir",
            "/srv/state",
            "--master",
            "42",
            "--drain",
            "0.5",
            "--drain-only",
            "--outbox-max",
            "10m",
            "--history",
            "0",
            "--max-requests",
            "8");
    assertThat(answer.code()).isZero();
    assertThat(scene.agentRuns)
        .containsExactly(
            new AgentRunner.Arguments(
                Path.of("/srv/state"),
                42L,
                java.time.Duration.ofMillis(500),
                true,
                Map.of(
                    InstanceOption.OUTBOX_MAX,
                    "10m",
                    InstanceOption.HISTORY,
                    "0",
                    InstanceOption.MAX_REQUESTS,
                    "8")));
    assertThat(scene.run("agent", "--dir", "/srv/state", "--max-requests", "1").err())
        .contains("--max-requests 1: it is not a number from 2 to 256");
    CommandScene.Answer odd = scene.run("agent", "--dir", "/srv/state", "--outbox-age", "7");
    assertThat(odd.code()).isEqualTo(2);
    assertThat(odd.err()).contains("--outbox-age 7: it is not an age: write for example 7d or 12h");
  }

  @Test
  void everyCommandHasHelpWithItsExitCodes() throws IOException {
    for (String[] command :
        new String[][] {
          {"agent"}, {"status"}, {"events"}, {"events", "show"}, {"events", "retry"}
        }) {
      String[] arguments =
          Stream.concat(Stream.of(command), Stream.of("--help")).toArray(String[]::new);
      CommandScene.Answer answer = scene.run(arguments);
      assertThat(answer.code()).isZero();
      assertThat(answer.out())
          .contains("Usage: uwsgi-sentry " + String.join(" ", command))
          .contains("Exit codes:");
    }
  }

  @Test
  void theVersionIsThatOfTheBuild() throws IOException {
    assertThat(scene.run("--version").out()).matches("uwsgi-sentry \\d+\\.\\d+\\.\\d+\\R");
  }

  @Test
  void aDamagedDatabaseIsASentenceAndNoStackTrace() throws IOException {
    Files.createDirectories(scene.directory());
    Files.writeString(
        scene.directory().resolve("outbox.db"),
        "not a database, but long enough to be read ".repeat(50));
    CommandScene.Answer answer = scene.run("events");
    assertThat(answer.code()).isEqualTo(3);
    assertThat(answer.err()).startsWith("uwsgi-sentry: ").hasLineCount(1);
  }
}

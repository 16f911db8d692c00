package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Handler;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.InstanceOption;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The commands on a real directory with a real database, as a person runs them. */
class CommandsTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final String DSN = "https://0123456789abcdef:topsecret@sentry.example.com/7";

  @TempDir Path temporary;

  private final List<AgentRunner.Arguments> agentRuns = new ArrayList<>();

  private record Answer(int code, String out, String err) {}

  private Surroundings surroundings(Map<String, String> environment) throws IOException {
    long uid = ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
    return new Surroundings(
        environment,
        uid,
        temporary.resolve("system"),
        temporary.resolve("home"),
        Clock.fixed(NOW, ZoneOffset.UTC),
        ZoneOffset.UTC);
  }

  private Answer run(Map<String, String> environment, String... arguments) throws IOException {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command =
        UwsgiSentry.commandLine(
            agent -> {
              agentRuns.add(agent);
              return 0;
            },
            surroundings(environment));
    int code =
        command
            .setOut(new PrintWriter(new BufferedWriter(out)))
            .setErr(new PrintWriter(err))
            .execute(arguments);
    return new Answer(code, out.toString(), err.toString());
  }

  private Answer run(String... arguments) throws IOException {
    return run(Map.of("UWSGI_SENTRY_DIR", directory().toString()), arguments);
  }

  private Path directory() {
    return temporary.resolve("state");
  }

  /** Three events: one that waits for a server, one that it refused, one without a DSN. */
  private void threeEvents() throws IOException {
    Files.createDirectories(directory());
    try (Outbox outbox = Outbox.open(directory().resolve("outbox.db"))) {
      Batch batch = new Batch("sealed-1", 100);
      event(
          batch, "aa11", "alarm lqfull", "dsn=" + DSN, "error", "queue full", NOW.minusSeconds(60));
      event(batch, "aa22", "route-run", "dsn=" + DSN, "warning", "put it", NOW.minusSeconds(7200));
      event(batch, "bb33", "hook-asap", "", "info", "it starts", NOW.minusSeconds(90_000));
      outbox.begin("sealed-1");
      outbox.store(batch);
      outbox.settle(
          List.of(
              new Settlement.Dead(id("aa22"), DiscardReason.SEND_ERROR, "403 no such key", NOW)));
    }
  }

  private static void event(
      Batch batch,
      String id,
      String handler,
      String options,
      String level,
      String title,
      Instant time) {
    long hash = Handler.hash("", "shop", handler);
    batch.handler(new Handler(hash, "shop", handler, options, Map.of()));
    byte[] payload =
        ("{\"event_id\":\"" + id(id) + "\",\"tags\":{\"at\":\"" + time + "\"}}")
            .getBytes(StandardCharsets.UTF_8);
    Record record =
        new Record(
            id(id),
            1,
            ProcessKind.MASTER,
            false,
            false,
            time.toEpochMilli() * 1000,
            1,
            0,
            -1,
            hash,
            5,
            new Fields(List.of()));
    Destination destination = HandlerSettings.of(handler, options, Map.of()).destination();
    batch.event(new Event(id(id), time, "error", level, title, payload), record, destination);
  }

  private static String id(String start) {
    return start + "0".repeat(32 - start.length());
  }

  @Test
  void eventsAreListedNewestFirst() throws IOException {
    threeEvents();
    Answer answer = run("events");
    assertThat(answer.code()).isZero();
    assertThat(answer.out().lines().map(line -> line.split(" +")[0]))
        .containsExactlyInAnyOrder("ID", "aa110000", "aa220000", "bb330000");
    assertThat(answer.out()).contains("error    ready").contains("info     local").contains("dead");
  }

  @Test
  void everyFilterFilters() throws IOException {
    threeEvents();
    assertThat(ids(run("events", "--state", "ready,dead")))
        .containsExactlyInAnyOrder("aa110000", "aa220000");
    assertThat(ids(run("events", "--level", "WARNING"))).containsExactly("aa220000");
    assertThat(ids(run("events", "--handler", "alarm lqfull"))).containsExactly("aa110000");
    assertThat(ids(run("events", "--instance", "blog"))).isEmpty();
    assertThat(ids(run("events", "--grep", "IT")))
        .containsExactlyInAnyOrder("aa220000", "bb330000");
    assertThat(ids(run("events", "--since", "2m"))).containsExactly("aa110000");
    assertThat(ids(run("events", "--since", "2026-11-22")))
        .containsExactlyInAnyOrder("aa110000", "aa220000");
    assertThat(ids(run("events", "--since", "2026-11-22T13:30+02:00"))).containsExactly("aa110000");
    assertThat(ids(run("events", "--limit", "1"))).hasSize(1);
  }

  private static List<String> ids(Answer answer) {
    return answer.out().lines().skip(1).map(line -> line.split(" +")[0]).toList();
  }

  @Test
  void anEmptyAnswerHasItsExitCode() throws IOException {
    threeEvents();
    Answer answer = run("events", "--grep", "no such thing");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.out()).isEqualTo("no events\n");
    assertThat(run("events", "--grep", "no such thing", "--json").out()).isEmpty();
  }

  @Test
  void anEventIsShownByTheBeginningOfItsId() throws IOException {
    threeEvents();
    Answer answer = run("events", "show", "AA22");
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .startsWith("put it\n")
        .contains("403 no such key")
        .contains("at = 2026-11-22T10:00:00Z");
    assertThat(answer.out()).doesNotContain("topsecret").doesNotContain("0123456789abcdef");
  }

  @Test
  void aBeginningOfSeveralIdsNamesThem() throws IOException {
    threeEvents();
    Answer answer = run("events", "show", "aa");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.err())
        .contains(id("aa11") + "  queue full")
        .contains(id("aa22") + "  put it");
    assertThat(run("events", "show", "cc").err())
        .contains("there is no event whose id begins with cc");
    assertThat(run("events", "show", "xyz").code()).isEqualTo(2);
  }

  @Test
  void theDirectoryMayBeNamedBeforeOrBehind() throws IOException {
    threeEvents();
    String dir = directory().toString();
    assertThat(run(Map.of(), "events", "show", "bb33", "--dir", dir).code()).isZero();
    assertThat(run(Map.of(), "events", "--dir", dir, "--level", "info").code()).isZero();
  }

  @Test
  void statusTellsWhatWaitsAndThatNobodyComes() throws IOException {
    threeEvents();
    Files.createDirectories(directory().resolve("journal"));
    Files.writeString(directory().resolve("journal/live"), "x".repeat(2048));
    Answer answer = run("status");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.out())
        .contains("not running; what is recorded waits for it")
        .contains("2.0 KiB in 1 file\n")
        .contains("1 ready, 1 local, 1 dead")
        .contains("https://0123***:***@sentry.example.com/7\n")
        .contains("403 no such key");
  }

  @Test
  void statusSeesAnAgentThatHoldsTheLock() throws Exception {
    threeEvents();
    Path lock = directory().resolve("agent.lock");
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
      Answer answer = run("status");
      assertThat(answer.code()).isZero();
      assertThat(answer.out()).contains("agent        running, pid " + holder.pid() + "\n");
    } finally {
      holder.destroyForcibly().waitFor();
    }
    assertThat(run("status").out()).contains("agent        not running");
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
    threeEvents();
    Answer answer = run("events", "retry", "aa22");
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .isEqualTo(
            "1 event looked at, 1 ready to be sent; no agent runs, the next one sends them\n");
    assertThat(ids(run("events", "--state", "ready")))
        .containsExactlyInAnyOrder("aa110000", "aa220000");
  }

  @Test
  void retryingAllLeavesWhatHasNoDsnWhereItIs() throws IOException {
    threeEvents();
    assertThat(run("events", "retry", "--all").out())
        .startsWith("3 events looked at, 2 ready to be sent");
    assertThat(ids(run("events", "--state", "local"))).containsExactly("bb330000");
    assertThat(run("events", "retry", "bb33").code()).isEqualTo(1);
  }

  @Test
  void retryWantsToKnowWhat() throws IOException {
    threeEvents();
    assertThat(run("events", "retry").code()).isEqualTo(2);
    assertThat(run("events", "retry", "--all", "aa11").code()).isEqualTo(2);
    Answer unknown = run("events", "retry", "aa22", "dd");
    assertThat(unknown.code()).isEqualTo(3);
    assertThat(unknown.err()).contains("no event whose id begins with dd; nothing was changed");
    assertThat(ids(run("events", "--state", "dead"))).containsExactly("aa220000");
  }

  @Test
  void lookingCreatesNothing() throws IOException {
    Answer missing = run("status");
    assertThat(missing.code()).isEqualTo(3);
    assertThat(missing.err()).contains("there is no state directory at " + directory());
    assertThat(directory()).doesNotExist();

    Files.createDirectory(directory());
    assertThat(run("events").out()).isEqualTo("no events\n");
    assertThat(run("status").out()).contains("none yet");
    assertThat(files(directory())).isEmpty();

    threeEvents();
    List<String> before = files(directory());
    run("events");
    run("events", "show", "aa11");
    run("status");
    assertThat(files(directory())).isEqualTo(before);
  }

  private static List<String> files(Path directory) throws IOException {
    try (Stream<Path> found = Files.list(directory)) {
      return found.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theDirectoryIsFoundInTheOrderThatTheHelpTells() throws IOException {
    Path home = temporary.resolve("home/.local/state/uwsgi-sentry");
    assertThat(run(Map.of(), "status").err()).contains("no state directory at " + home);
    Path xdg = temporary.resolve("xdg");
    assertThat(run(Map.of("XDG_STATE_HOME", xdg.toString()), "status").err())
        .contains("no state directory at " + xdg.resolve("uwsgi-sentry"));
    Path server = temporary.resolve("system").resolve(Long.toString(surroundings(Map.of()).uid()));
    Files.createDirectories(server);
    assertThat(run(Map.of("XDG_STATE_HOME", xdg.toString()), "status").out())
        .contains(server.toString());
    Files.createDirectories(directory());
    assertThat(run("status").out()).contains(directory().toString());
  }

  @Test
  void otherServersDirectoriesAreSuggested() throws IOException {
    Path other = temporary.resolve("system/12345");
    Files.createDirectories(other);
    assertThat(run(Map.of(), "status").err()).contains("; name one of these with --dir: " + other);
  }

  @Test
  void theAgentGetsItsOptions() throws IOException {
    Answer answer =
        run(
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
            "--lanes",
            "8");
    assertThat(answer.code()).isZero();
    assertThat(agentRuns)
        .containsExactly(
            new AgentRunner.Arguments(
                Path.of("/srv/state"),
                42L,
                java.time.Duration.ofMillis(500),
                true,
                Bounds.DEFAULT
                    .with(InstanceOption.OUTBOX_MAX, "10m")
                    .with(InstanceOption.HISTORY, "0"),
                8));
    assertThat(run("agent", "--dir", "/srv/state", "--lanes", "1").err())
        .contains("--lanes 1: it is not a number from 2 to 256");
    Answer odd = run("agent", "--dir", "/srv/state", "--outbox-age", "7");
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
      Answer answer = run(arguments);
      assertThat(answer.code()).isZero();
      assertThat(answer.out())
          .contains("Usage: uwsgi-sentry " + String.join(" ", command))
          .contains("Exit codes:");
    }
  }

  @Test
  void theVersionIsThatOfTheBuild() throws IOException {
    assertThat(run("--version").out()).matches("uwsgi-sentry \\d+\\.\\d+\\.\\d+\\R");
  }

  @Test
  void aDamagedDatabaseIsASentenceAndNoStackTrace() throws IOException {
    Files.createDirectories(directory());
    Files.writeString(
        directory().resolve("outbox.db"), "not a database, but long enough to be read ".repeat(50));
    Answer answer = run("events");
    assertThat(answer.code()).isEqualTo(3);
    assertThat(answer.err()).startsWith("uwsgi-sentry: ").hasLineCount(1);
  }
}

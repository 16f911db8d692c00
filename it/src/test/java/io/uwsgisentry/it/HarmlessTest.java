package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The server that is watched is not harmed: not by a Sentry that accepts and never answers, not by
 * a dead agent, not by a full disk. Speeds are printed and not judged, since they are the
 * machine's; what is judged is that no request fails and that every event is accounted for.
 */
@Isolated("loads the machine and measures it")
class HarmlessTest {
  private static final String PLAIN =
      """
      [uwsgi]
      plugins = python3
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      workers = 2
      listen = 100
      disable-logging = true
      stats = ${dir}/stats
      """;

  private static final String SERVER =
      PLAIN
          + """
          plugin = sentry
          sentry-dsn = ${dsn}
          sentry-dir = ${state}
          sentry-drain = 60
          """;

  private static final String ROUTE = "route = ^/event sentry:message=asked,level=info\n";

  @RegisterExtension final Scene scene = new Scene();

  private StateDirectory state;
  private Path disk;
  private Path filler;

  /** Where the trouble is. */
  private enum Trouble {
    SILENT_SENTRY,
    DEAD_AGENT,
    FULL_DISK
  }

  @ParameterizedTest
  @EnumSource
  void every_request_reports_and_none_fails(Trouble trouble) throws Exception {
    UwsgiServer plain = scene.server(PLAIN).start();
    Throughput without = wrk(plain);
    plain.stop();

    UwsgiServer server = startAndBegin(trouble, ROUTE);
    Throughput with = wrk(server);
    System.out.printf(
        "%s: %.0f requests/s with an event each, %.0f without the plugin: %.2f%n",
        trouble, with.perSecond, without.perSecond, with.perSecond / without.perSecond);
    assertThat(with.failed).isZero();

    // A client that leaves leaves requests behind that the server has accepted and still serves.
    long served = server.awaitIdle().stats().served();
    assertThat(served).isGreaterThan(with.requests);
    end(trouble);
    awaitAccounted(server, served);
    assertThat(server.log()).doesNotContain("died");
  }

  /**
   * uWSGI's master reads the application's log from a socket of some 280 lines and runs the alarm
   * before it reads on; a line that finds the socket full raises an error in the application. So
   * nobody who writes as fast as the machine can is safe, with an alarm or without: each round here
   * fits the socket, and an alarm that waited for a server would not be through with one in time.
   */
  @ParameterizedTest
  @EnumSource
  void a_storm_of_matching_log_lines_fails_no_request(Trouble trouble) throws Exception {
    UwsgiServer server =
        startAndBegin(trouble, ROUTE + "alarm = seen sentry:level=info\nalarm-log = seen ^FOO\n");
    int lines = 20;
    int together = 10;
    ExecutorService clients = Executors.newFixedThreadPool(together);
    for (int round = 1; round <= 5; round++) {
      List<Future<Http.Response>> answers = new ArrayList<>();
      for (int i = 0; i < together; i++) {
        // No two lines are alike: of two that are, uWSGI passes on one (alarm-freq).
        String line = "FOO%20fell%20" + (100 * round + i);
        answers.add(clients.submit(() -> server.get("/log?n=" + lines + "&line=" + line)));
      }
      for (Future<Http.Response> answer : answers) {
        assertThat(answer.get()).isEqualTo(new Http.Response(200, "ok\n"));
      }
      int written = round * together * lines;
      await("the master to read %d lines".formatted(written))
          .until(() -> server.logged("FOO fell") >= written);
    }
    clients.shutdown();
    end(trouble);
    awaitAccounted(server, 1 + 5 * together * lines);
  }

  @ParameterizedTest
  @EnumSource
  void exceptions_at_full_speed_are_all_accounted_for(Trouble trouble) throws Exception {
    UwsgiServer server = startAndBegin(trouble, ROUTE + "exception-handler = sentry:\n");
    LanguageTest.burst(server, 2000, 16);
    end(trouble);
    awaitAccounted(server, 1 + 2000);
    if (trouble != Trouble.FULL_DISK) {
      assertThat(state.counted(Counter.Name.DROPPED)).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_start_that_reports_is_not_delayed(Trouble trouble) {
    String ini = SERVER + "hook-asap = sentry:message=starts\n";
    switch (trouble) {
      case SILENT_SENTRY -> scene.receiver().behave(Behaviour.silent());
      case DEAD_AGENT -> ini += "sentry-agent = external\n";
      case FULL_DISK -> {
        Path disk = scene.smallDisk(1);
        ini = ini.replace("${state}", disk.resolve("state").toString());
        Disk.fill(disk);
      }
    }
    UwsgiServer withoutPlugin = scene.server(PLAIN);
    UwsgiServer withPlugin = scene.server(ini);
    Duration plain = startUp(withoutPlugin);
    Duration reporting = startUp(withPlugin);
    // The fastest start tells: a machine that stands still for a moment makes any of them slow.
    for (int i = 0; i < 10 && reporting.compareTo(plain.plusSeconds(2)) >= 0; i++) {
      reporting = least(reporting, startUp(withPlugin));
      plain = least(plain, startUp(withoutPlugin));
    }
    System.out.printf(
        "%s: start to first answer %d ms with a hook-asap that reports, %d ms without the plugin%n",
        trouble, reporting.toMillis(), plain.toMillis());
    // The old plugin waited four seconds here.
    assertThat(reporting).isLessThan(plain.plusSeconds(2));
  }

  /** Starts a server that works, has one event delivered, and then makes the trouble. */
  private UwsgiServer startAndBegin(Trouble trouble, String rules) {
    String ini = SERVER + rules;
    state = scene.state();
    if (trouble == Trouble.FULL_DISK) {
      disk = scene.smallDisk(48);
      state = new StateDirectory(disk.resolve("state"));
      ini = ini.replace("${state}", state.path().toString());
    }
    UwsgiServer server = scene.server(ini).start();
    server.get("/event");
    state.awaitEntries(1, State.DELIVERED);
    switch (trouble) {
      case SILENT_SENTRY -> scene.receiver().behave(Behaviour.silent());
      case DEAD_AGENT -> Processes.signal(state.awaitAgent(), "KILL");
      case FULL_DISK -> filler = Disk.fill(disk);
    }
    return server;
  }

  /** The agent that was killed comes back by itself. */
  private void end(Trouble trouble) throws IOException {
    scene.receiver().behave(Behaviour.healthy());
    if (trouble == Trouble.FULL_DISK) {
      Files.delete(filler);
    }
  }

  /**
   * Every incident is delivered, folded into a delivered event that counts it, or counted as
   * dropped. What is still being counted while the server runs is told of when it has ended.
   */
  private void awaitAccounted(UwsgiServer server, long incidents) {
    awaitSum(incidents, () -> state.storms());
    server.stop();
    awaitSum(incidents, () -> 0);
    scene.noEventCameMoreOftenThanItWasSent(state);
    state.awaitNoAgent();
    long told = scene.receiver().accepted().stream().mapToLong(r -> r.envelope().discarded()).sum();
    assertThat(told + state.unreported())
        .as("what Sentry was told of as lost, or will be")
        .isEqualTo(state.counted(Counter.Name.DROPPED) + state.counted(Counter.Name.DISCARDED));
  }

  private void awaitSum(long incidents, LongSupplier others) {
    await("all incidents")
        .atMost(Patience.LONG)
        .pollInterval(Duration.ofMillis(300))
        .untilAsserted(
            () -> {
              long arrived = Events.sum(scene.receiver().events());
              long dropped = state.counted(Counter.Name.DROPPED);
              long counted = others.getAsLong();
              assertThat(arrived + dropped + counted)
                  .as("%d arrived, %d were dropped, %d are counted", arrived, dropped, counted)
                  .isEqualTo(incidents);
            });
  }

  private record Throughput(long requests, double perSecond, long failed) {}

  private Throughput wrk(UwsgiServer server) throws IOException, InterruptedException {
    Process wrk =
        scene
            .command(
                "wrk",
                "-t1",
                "-c8",
                "-d1s",
                "--timeout",
                "60s",
                "http://127.0.0.1:" + server.port() + "/event?x")
            .redirectErrorStream(true)
            .start();
    String report = new String(wrk.getInputStream().readAllBytes());
    assertThat(wrk.waitFor()).as(report).isZero();
    // uWSGI's http-socket closes each connection, which wrk counts as an error of reading after a
    // whole answer; what it says of
    // statuses is what matters.
    return new Throughput(
        (long) number(report, "([\\d.]+) requests in"),
        number(report, "Requests/sec:\\s+([\\d.]+)"),
        (long) number(report, "Non-2xx or 3xx responses: (\\d+)")
            + (long) number(report, "Socket errors: connect (\\d+)")
            + (long) number(report, "timeout (\\d+)"));
  }

  private static double number(String text, String expression) {
    Matcher matcher = Pattern.compile(expression).matcher(text);
    return matcher.find() ? Double.parseDouble(matcher.group(1)) : 0;
  }

  private Duration startUp(UwsgiServer server) {
    Duration fastest = Duration.ofDays(1);
    for (int i = 0; i < 3; i++) {
      long from = System.nanoTime();
      server.start();
      assertThat(server.get("/ok").status()).isEqualTo(200);
      fastest = least(fastest, Duration.ofNanos(System.nanoTime() - from));
      scene.reap();
    }
    return fastest;
  }

  private static Duration least(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }
}

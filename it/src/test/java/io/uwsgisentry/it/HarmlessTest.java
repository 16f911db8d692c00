package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Envelope;
import io.uwsgisentry.testkit.Received;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The server that is watched is not harmed: not by a Sentry that accepts and never answers, not by
 * a dead agent, not by a full disk. Speeds are printed and not judged, since they are the
 * machine's; what is judged is that no request fails and that every event is accounted for.
 */
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
      """;

  private static final String SERVER =
      PLAIN
          + """
          plugin = sentry
          sentry-dsn = ${dsn}
          sentry-dir = ${state}
          sentry-drain = 10
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

    // The question itself is a request too, but none that reports; the first event came before.
    long requests = Long.parseLong(server.get("/requests").body().trim());
    assertThat(requests).isGreaterThan(with.requests);
    end(trouble);
    awaitAccounted(server, requests);
    assertThat(server.log()).doesNotContain("died");
  }

  /**
   * uWSGI's master reads the application's log from a socket of some 280 lines and runs the alarm
   * before it reads on; a line that finds the socket full raises an error in the application. So an
   * alarm that waits for a server fails requests after the fourteenth of these. Nobody who writes
   * as fast as the machine can is safe, with an alarm or without: hence the pace.
   */
  @ParameterizedTest
  @EnumSource
  void a_storm_of_matching_log_lines_fails_no_request(Trouble trouble) throws Exception {
    UwsgiServer server =
        startAndBegin(trouble, ROUTE + "alarm = seen sentry:level=info\nalarm-log = seen ^FOO\n");
    ScheduledExecutorService clients = Executors.newScheduledThreadPool(4);
    List<Future<Http.Response>> answers = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      String path = "/log?n=20&line=FOO%20number%20" + i;
      answers.add(clients.schedule(() -> server.get(path), i * 20L, TimeUnit.MILLISECONDS));
    }
    for (Future<Http.Response> answer : answers) {
      assertThat(answer.get()).isEqualTo(new Http.Response(200, "ok\n"));
    }
    clients.shutdown();
    end(trouble);
    awaitAccounted(server, 1 + 50 * 20);
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
    Duration plain = startUp(scene.server(PLAIN));
    Duration reporting = startUp(scene.server(ini));
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
    awaitSum(incidents, () -> state.folding());
    server.stop();
    awaitSum(incidents, () -> 0);
    List<String> ids =
        scene.receiver().accepted().stream()
            .map(Received::envelope)
            .filter(Envelope::holdsEvent)
            .map(Envelope::eventId)
            .toList();
    assertThat(ids).hasSize(Math.toIntExact(ids.stream().distinct().count()));
    state.awaitNoAgent();
    long told = scene.receiver().accepted().stream().mapToLong(r -> r.envelope().discarded()).sum();
    assertThat(told + state.unreported())
        .as("what Sentry was told of as lost, or will be")
        .isEqualTo(state.counted(Counter.Name.DROPPED) + state.counted(Counter.Name.DISCARDED));
  }

  private void awaitSum(long incidents, LongSupplier others) {
    await("all of " + incidents + " incidents")
        .atMost(Duration.ofSeconds(60))
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
            .command("wrk", "-t1", "-c8", "-d1s", "http://127.0.0.1:" + server.port() + "/event?x")
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
    List<Duration> times = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      long from = System.nanoTime();
      server.start();
      assertThat(server.get("/ok").status()).isEqualTo(200);
      times.add(Duration.ofNanos(System.nanoTime() - from));
      scene.reap();
    }
    Collections.sort(times);
    return times.get(1);
  }
}

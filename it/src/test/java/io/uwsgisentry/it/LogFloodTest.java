package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A flood of log lines that all raise an alarm, and a disk that stands still: the application's own
 * writes never fail because of the plugin, and each line is reported, counted in an event, or
 * counted as dropped. No two lines are alike: of two that are, uWSGI passes on one (alarm-freq).
 */
class LogFloodTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${dir}/flood.py
      master = true
      workers = 2
      listen = 100
      disable-logging = true
      plugin = sentry
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-drain = 600
      alarm = seen sentry:level=info
      alarm-log = seen ^FOO
      """;

  /** The answer is how many lines could not be written. */
  private static final String APPLICATION =
      """
      import os, time
      from urllib.parse import parse_qs

      written = 0


      def lines(n):
          global written
          failed = 0
          for i in range(n):
              written += 1
              try:
                  os.write(2, b"FOO fell in %d %d\\n" % (os.getpid(), written))
              except BlockingIOError:
                  failed += 1
          return failed


      def application(environ, start_response):
          query = parse_qs(environ["QUERY_STRING"])
          n, rate = int(query["n"][0]), float(query.get("rate", ["0"])[0])
          failed = done = 0
          start = time.monotonic()
          while rate and done < n:
              due = min(n, int((time.monotonic() - start) * rate) + 1)
              failed += lines(due - done)
              done = due
              time.sleep(0.001)
          failed += lines(n - done)
          start_response("200 OK", [("Content-Type", "text/plain")])
          return [b"%d" % failed]
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void two_hundred_requests_of_twenty_lines_at_once_fail_no_write() throws Exception {
    UwsgiServer server = start(SERVER);
    ExecutorService clients = Executors.newFixedThreadPool(50);
    List<Future<Http.Response>> answers = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      answers.add(clients.submit(() -> server.get("/?n=20")));
    }
    for (Future<Http.Response> answer : answers) {
      assertThat(answer.get()).isEqualTo(new Http.Response(200, "0"));
    }
    clients.shutdown();
    awaitAccounted(server, 200 * 20);
    assertThat(scene.state().counted(Counter.Name.DROPPED)).isZero();
  }

  /**
   * How many writes the machine lets fail is printed and not judged; the sum is. With {@code
   * alarm-cheap} uWSGI itself loses lines at such a rate, and its own words about that too.
   */
  @ParameterizedTest
  @ValueSource(strings = {"", "threaded-logger = true\n"})
  void of_fifty_thousand_lines_a_second_each_is_accounted_for(String option) {
    UwsgiServer server = start(SERVER + option);
    long failed = flood(server, 50_000, 25_000).mapToLong(CompletableFuture::join).sum();
    System.out.printf("%s%d of 100,000 writes failed%n", option, failed);
    awaitLogged(server, 100_000 - failed);
    awaitAccounted(server, 100_000 - failed);
  }

  /**
   * 2,000 lines a second for five seconds, of which a pipe as the kernel makes it holds an eighth
   * of one. The master reaps and respawns meanwhile.
   */
  @ParameterizedTest
  @ValueSource(strings = {"", "threaded-logger = true\n"})
  void a_disk_that_stands_still_for_five_seconds_costs_the_application_nothing(String option) {
    StillDisk disk = StillDisk.of(scene);
    scene.file("flood.py", APPLICATION);
    UwsgiServer server = disk.under(scene.server(SERVER + option)).start();
    assertThat(server.get("/?n=1").body()).isEqualTo("0");
    scene.state().awaitEntries(1, State.DELIVERED);

    disk.stop();
    List<CompletableFuture<Long>> floods = flood(server, 5_000, 1_000).toList();
    disk.awaitWaiting();
    long worker = server.workerPid(1);
    // Its flood ends with it; of what it wrote each line is accounted for.
    Processes.signal(worker, "KILL");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(openFiles(server.workerPid(1)))
        .as("of the new worker, which was forked while the journal was being written")
        .noneMatch(file -> file.endsWith("/journal/live"));
    assertThat(server.get("/?n=1").body()).isEqualTo("0");
    floods.forEach(flood -> assertThat(flood.join()).isLessThanOrEqualTo(0));
    assertThat(disk.stillWaits()).as("the disk stood still all the time").isTrue();
    disk.goOn();

    long read = server.logged("FOO fell");
    awaitAccounted(server, read + 1);
    assertThat(scene.receiver().events())
        .as("the death while the disk stood still")
        .anySatisfy(event -> assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "death"));
  }

  @Test
  void a_reload_and_a_stop_in_the_middle_of_a_flood_lose_no_line() {
    // The floods end with their workers, whose requests are cut.
    UwsgiServer server = start(SERVER + "worker-reload-mercy = 2\nsentry-capture = none\n");
    var unused = flood(server, 1_000_000, 5_000).toList();
    awaitLogged(server, 5_000);
    server.reload();
    unused = flood(server, 1_000_000, 5_000).toList();
    long before = server.logged("FOO fell");
    awaitLogged(server, before + 5_000);
    server.stop();
    long read = server.logged("FOO fell");
    // Whether the agent had come by then or not: nothing is left to the next start.
    awaitSum(read);
    scene.state().awaitNoAgent();
    assertThat(scene.state().counted(Counter.Name.DROPPED)).isZero();
  }

  @Test
  void a_server_that_ends_while_the_disk_stands_still_does_not_wait_for_it_and_counts() {
    StillDisk disk = StillDisk.of(scene);
    scene.file("flood.py", APPLICATION);
    UwsgiServer server =
        disk.under(scene.server(SERVER + "sentry-agent = external\nsentry-capture = none\n"));
    server.start().get("/?n=10");
    awaitLogged(server, 10);
    disk.stop();
    server.get("/?n=500");
    awaitLogged(server, 510);
    disk.awaitWaiting();
    server.stop();
    // The first batch was being written; in this file system it never is.
    assertThat(server.log())
        .containsPattern("[0-9]+ events were dropped and not reported to the agent: stalled");
    assertThat(dropped(server) + written()).isEqualTo(510);
    disk.goOn();
  }

  /** What is lost with it is what waits in memory: docs/delivery.md. */
  @Test
  void a_master_that_is_killed_in_a_flood_takes_the_last_moment_with_it_at_most() {
    UwsgiServer server = start(SERVER);
    var unused = flood(server, 1_000_000, 10_000).toList();
    awaitLogged(server, 20_000);
    server.signal("KILL");
    server.awaitEnd();
    long read = server.logged("FOO fell");
    await("the records of the killed master")
        .atMost(Patience.LONG)
        .untilAsserted(() -> assertThat(sum()).isBetween(read - 2_000, read + 1));
  }

  private UwsgiServer start(String ini) {
    scene.file("flood.py", APPLICATION);
    return scene.server(ini).start();
  }

  /** Two requests at a time, of so many lines each. */
  private static Stream<CompletableFuture<Long>> flood(
      UwsgiServer server, int lines, int perSecond) {
    List<CompletableFuture<Long>> both = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      both.add(
          server
              .getLater("/?n=" + lines + "&rate=" + perSecond)
              // A worker that is killed answers nothing.
              .thenApply(answer -> answer.body().isEmpty() ? 0 : Long.parseLong(answer.body()))
              .exceptionally(killed -> 0L));
    }
    return both.stream();
  }

  private static void awaitLogged(UwsgiServer server, long lines) {
    await("the master to read %d lines".formatted(lines))
        .atMost(Patience.LONG)
        .until(() -> server.logged("FOO fell") >= lines);
  }

  private void awaitAccounted(UwsgiServer server, long incidents) {
    awaitSum(incidents);
    server.stop();
    awaitSum(incidents);
    scene.state().awaitNoAgent();
  }

  private void awaitSum(long incidents) {
    await("all incidents")
        .atMost(Patience.LONG)
        .pollInterval(Duration.ofMillis(300))
        .untilAsserted(() -> assertThat(sum()).isEqualTo(incidents));
  }

  /** Delivered or counted by the agent, or dropped before it. */
  private long sum() {
    return Events.sum(scene.receiver().events())
        + scene.state().counted(Counter.Name.DROPPED)
        + scene.state().storms();
  }

  private long written() {
    return scene.state().records().stream()
        .filter(record -> record.kind() == Kind.ALARM)
        .mapToLong(Record::occurrences)
        .sum();
  }

  private static List<String> openFiles(long pid) {
    try (Stream<Path> links = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      List<String> files = new ArrayList<>();
      for (Path link : links.toList()) {
        files.add(Files.readSymbolicLink(link).toString());
      }
      return files;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long dropped(UwsgiServer server) {
    return Pattern.compile("([0-9]+) events were dropped")
        .matcher(server.log())
        .results()
        .mapToLong(found -> Long.parseLong(found.group(1)))
        .sum();
  }
}

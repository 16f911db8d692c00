package io.uwsgisentry.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * (l) What a log line costs the master that reads it, and how many of the application's own writes
 * fail, at a rate: without an alarm, with uWSGI's own {@code log:} alarm, and with the plugin's.
 */
final class LogFlood {
  /** The answer is how many lines could not be written. */
  private static final String APP =
      """
      import os, time


      def application(environ, start_response):
          rate, n = map(int, (environ["QUERY_STRING"] or "1,0").split(","))
          failed = done = 0
          start = time.monotonic()
          while done < n:
              due = min(n, int((time.monotonic() - start) * rate) + 1)
              for i in range(done, due):
                  try:
                      os.write(2, b"FOO fell in %d %d of something\\n" % (os.getpid(), i))
                  except BlockingIOError:
                      failed += 1
              done = due
              time.sleep(0.0005)
          start_response("200 OK", [("Content-Length", str(len(str(failed))))])
          return [b"%d" % failed]
      """;

  private final Build build;
  private final Report report;
  private final int rounds;
  private final int seconds;

  LogFlood(Build build, Report report, int rounds, int seconds) {
    this.build = build;
    this.report = report;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  void run() throws IOException, InterruptedException {
    for (int rate : new int[] {10_000, 50_000}) {
      report.heading(
          "(l) %,d matching lines a second of two workers; median of %d rounds of %d s"
              .formatted(rate, rounds, seconds));
      Map<String, List<Double>> micros = new LinkedHashMap<>();
      Map<String, List<Double>> failed = new LinkedHashMap<>();
      for (int round = 0; round < rounds; round++) {
        System.err.printf("(l) round %d, %d lines a second%n", round + 1, rate);
        for (String variant : List.of("no alarm", "alarm log:", "alarm sentry:")) {
          flood(
              variant,
              rate,
              micros.computeIfAbsent(variant, v -> new ArrayList<>()),
              failed.computeIfAbsent(variant, v -> new ArrayList<>()));
        }
      }
      micros.forEach(
          (variant, values) ->
              report.row(
                  variant + ", µs of processor a line, in the master",
                  new Figures(values).text(Figures::one)));
      failed.forEach(
          (variant, values) ->
              report.row(
                  variant + ", failed writes of the application",
                  new Figures(values).text(Figures::whole),
                  variant.equals("alarm sentry:") ? "none more than without" : ""));
    }
  }

  private void flood(String variant, int rate, List<Double> micros, List<Double> failed)
      throws IOException, InterruptedException {
    try (Scratch scratch = new Scratch();
        Server server = Server.start(scratch, ini(variant, scratch), APP)) {
      int lines = rate * seconds;
      long before = server.masterNanos();
      List<Thread> clients = new ArrayList<>();
      long[] ofWorker = new long[2];
      for (int i = 0; i < 2; i++) {
        int worker = i;
        clients.add(
            new Thread(() -> ofWorker[worker] = get(server.port(), rate / 2 + "," + lines / 2)));
      }
      clients.forEach(Thread::start);
      for (Thread client : clients) {
        client.join();
      }
      Thread.sleep(Duration.ofMillis(500).toMillis());
      long lost = ofWorker[0] + ofWorker[1];
      micros.add((server.masterNanos() - before) / 1_000.0 / Math.max(1, lines - lost));
      failed.add((double) lost);
    }
  }

  private String ini(String variant, Scratch scratch) {
    return "log-master = true\n"
        + switch (variant) {
          case "no alarm" -> "";
          case "alarm log:" -> "alarm = seen log:\nalarm-log = seen ^FOO\n";
          default ->
              """
              plugin = %s
              sentry-dsn = http://key@127.0.0.1:9/1
              sentry-dir = %s
              sentry-agent = external
              alarm = seen sentry:
              alarm-log = seen ^FOO
              """
                  .formatted(build.plugin(), scratch.path("state"));
        };
  }

  private static long get(int port, String query) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/?" + query)).build();
    try {
      return Long.parseLong(
          HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException("the flood was not answered", e);
    }
  }
}

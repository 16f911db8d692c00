package io.uwsgisentry.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * (b) What requests that work wait for beside others that raise: a page of a millisecond of work on
 * saturated processors, while 45 requests a second raise an exception that nothing catches.
 */
final class Healthy {
  private static final int EXCEPTIONS_A_SECOND = 45;
  private static final int CONNECTIONS = 4;

  private static final String APP =
      """
      import time


      def application(environ, start_response):
          if environ["PATH_INFO"] == "/raise":
              raise LookupError("nothing of that name: " + environ["QUERY_STRING"])
          end = time.thread_time() + 0.001
          while time.thread_time() < end:
              pass
          start_response("200 OK", [("Content-Length", "14"), ("Connection", "close")])
          return [b"Hello, world.\\n"]
      """;

  private enum Variant {
    PLAIN("plain uWSGI"),
    REPORTED("with the plugin, each exception an event");

    private final String words;

    Variant(String words) {
      this.words = words;
    }
  }

  private record Run(Load load, double raised, long events) {}

  private final Build build;
  private final Report report;
  private final int rounds;
  private final int seconds;

  Healthy(Build build, Report report, int rounds, int seconds) {
    this.build = build;
    this.report = report;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  void run() throws IOException, InterruptedException {
    List<Run> plain = new ArrayList<>();
    List<Run> reported = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      for (Variant variant : Variant.values()) {
        System.err.printf("(b) round %d, healthy requests, %s%n", round + 1, variant.words);
        (variant == Variant.PLAIN ? plain : reported).add(run(variant));
      }
    }
    report.heading(
        "(b) healthy requests of 1 ms beside %d exceptions a second; median of %d rounds of %d s (least to most)"
            .formatted(EXCEPTIONS_A_SECOND, rounds, seconds));
    tell(Variant.PLAIN, plain);
    tell(Variant.REPORTED, reported);
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      ratios.add(reported.get(i).load().p999() / plain.get(i).load().p999());
    }
    report.row(
        "99.9th percentile, of plain, round by round",
        new Figures(ratios).text(Figures::percent),
        "110 % or better");
  }

  private void tell(Variant variant, List<Run> runs) {
    report.row(
        "requests/s, " + variant.words,
        new Figures(runs.stream().map(r -> r.load().perSecond()).toList()).text(Figures::whole));
    report.row(
        "  99.9th percentile, ms",
        new Figures(runs.stream().map(r -> r.load().p999() / 1000).toList()).text(Figures::one));
    report.row(
        "  exceptions a second",
        new Figures(runs.stream().map(Run::raised).toList()).text(Figures::one));
    if (variant == Variant.REPORTED) {
      report.row(
          "  events a second, delivered meanwhile",
          new Figures(runs.stream().map(r -> (double) r.events() / seconds).toList())
              .text(Figures::one));
    }
  }

  private Run run(Variant variant) throws IOException, InterruptedException {
    try (Scratch scratch = new Scratch()) {
      Process receiver = Requests.receiver(scratch, 0);
      int to = Requests.port(scratch);
      String options =
          """
          plugin = %s
          sentry-dsn = http://public@127.0.0.1:%d/1
          sentry-dir = %s
          sentry-fold = 0
          """
              .formatted(build.plugin(), to, scratch.path("state"));
      try (Server server = Server.start(scratch, variant == Variant.PLAIN ? "" : options, APP)) {
        if (variant == Variant.REPORTED) {
          Scratch.await("an agent", Duration.ofSeconds(30), () -> server.agent().isPresent());
        }
        int port = server.port();
        long[] asked = {0};
        ScheduledExecutorService raising = Executors.newSingleThreadScheduledExecutor();
        var unused =
            raising.scheduleAtFixedRate(
                () -> raise(port, asked[0]++),
                0,
                1_000_000 / EXCEPTIONS_A_SECOND,
                TimeUnit.MICROSECONDS);
        try {
          if (variant == Variant.REPORTED) {
            server.letAgentSettle("/");
          }
          long from = System.nanoTime();
          long askedBefore = asked[0];
          long before = variant == Variant.REPORTED ? Requests.accepted(to) : 0;
          Load load = Load.on(port, "/", CONNECTIONS, seconds);
          double raised = (asked[0] - askedBefore) * 1e9 / (System.nanoTime() - from);
          long events = variant == Variant.REPORTED ? Requests.accepted(to) - before : 0;
          return new Run(load, raised, events);
        } finally {
          raising.shutdownNow();
        }
      } finally {
        receiver.destroy();
      }
    }
  }

  /** The answer is uWSGI's own; what matters is that it came. */
  private static void raise(int port, long number) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket
          .getOutputStream()
          .write(("GET /raise?" + number + " HTTP/1.0\r\n\r\n").getBytes(StandardCharsets.UTF_8));
      socket.getInputStream().readAllBytes();
    } catch (IOException e) {
      System.err.println("a request that raises: " + e);
    }
  }
}

package io.uwsgisentry.bench;

import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Receiver;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * (b) Requests per second on a page of which every request is reported, against the same page
 * without, and against what uWSGI itself brings for the purpose: its {@code alarm_curl} plugin
 * behind an {@code alarm:} rule. The variants take turns, several rounds, so that the machine's
 * moods meet them all.
 */
final class Requests {
  private enum Variant {
    PLAIN("plain uWSGI"),
    ROUTE("with the route action"),
    ROUTE_ALONE("the same, agent elsewhere"),
    ALARM_CURL("with uWSGI's alarm_curl");

    private final String words;

    Variant(String words) {
      this.words = words;
    }
  }

  /**
   * One server under load, and what it reported.
   *
   * @param asked all requests, also those before it was measured
   * @param delivered events a second, while it was measured
   */
  private record Run(
      Load load, double micros, long asked, long reported, double delivered, String fate) {}

  private static final int CONNECTIONS = 8;

  private final Build build;
  private final Report report;
  private final int rounds;
  private final int seconds;

  Requests(Build build, Report report, int rounds, int seconds) {
    this.build = build;
    this.report = report;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  /**
   * @param path {@code /}: nothing but a line of text; {@code /work}: after a millisecond of work
   * @param delay of the receiver, ms
   */
  private record Scene(String words, String path, int delay, Variant... variants) {}

  void run() throws IOException, InterruptedException {
    Variant[] all = Variant.values();
    for (Scene scene :
        new Scene[] {
          new Scene("a page of one line, receiver answers at once", "/", 0, all),
          new Scene("a page of one line, receiver answers after 20 ms", "/", 20, all),
          new Scene(
              "a page of 1 ms, receiver answers at once", "/work", 0, Variant.PLAIN, Variant.ROUTE)
        }) {
      Map<Variant, List<Run>> runs = new EnumMap<>(Variant.class);
      for (int round = 0; round < rounds; round++) {
        for (Variant variant : scene.variants()) {
          System.err.printf("(b) round %d, %s, %s%n", round + 1, variant.words, scene.words());
          runs.computeIfAbsent(variant, v -> new ArrayList<>()).add(run(variant, scene));
        }
      }
      tell(scene, runs);
    }
  }

  private Run run(Variant variant, Scene scene) throws IOException, InterruptedException {
    try (Scratch scratch = new Scratch()) {
      Process receiver = receiver(scratch, scene.delay());
      int port = port(scratch);
      try (Server server = Server.start(scratch, options(variant, port, scratch.path("state")))) {
        if (variant == Variant.ROUTE) {
          // A start-up is measured elsewhere.
          Scratch.await("an agent", Duration.ofSeconds(30), () -> server.agent().isPresent());
        }
        Scratch.pause(Duration.ofSeconds(2));
        // Of a page of one line so many requests would fill the journal.
        long settling =
            variant == Variant.ROUTE && scene.path().equals("/work")
                ? server.letAgentSettle(scene.path())
                : 0;
        long deliveredBefore = variant == Variant.ROUTE ? accepted(port) : 0;
        long before = server.processorNanos();
        Load load = Load.on(server.port(), scene.path(), CONNECTIONS, seconds);
        double micros = (server.processorNanos() - before) / 1000.0 / load.requests();
        if (variant == Variant.ROUTE) {
          double delivered = (double) (accepted(port) - deliveredBefore) / seconds;
          Path state = scratch.path("state");
          Scratch.await("the journal to be read", Duration.ofMinutes(5), () -> journalEmpty(state));
          Accounts accounts = Accounts.of(state);
          return new Run(
              load, micros, load.requests() + settling, accounts.sum(), delivered, fate(accounts));
        } else if (variant == Variant.ALARM_CURL) {
          long accepted = accepted(port);
          return new Run(
              load, micros, load.requests(), accepted, 0, Figures.whole(accepted) + " arrived");
        }
        return new Run(load, micros, load.requests(), 0, 0, "");
      } finally {
        receiver.destroy();
      }
    }
  }

  private String options(Variant variant, int port, Path state) {
    String sentry =
        """
        plugin = %s
        sentry-dsn = http://public@127.0.0.1:%d/1
        sentry-dir = %s
        sentry-fold = 0
        route = ^/ sentry:level=info,logger=bench,message=a request came
        """
            .formatted(build.plugin(), port, state);
    return switch (variant) {
      case PLAIN -> "";
      case ROUTE -> sentry;
      case ROUTE_ALONE -> sentry + "sentry-agent = external\n";
      // Messages must differ: uWSGI holds back one that it has just sent.
      case ALARM_CURL ->
          """
          plugin = alarm_curl
          alarm = peer curl:http://127.0.0.1:%d/
          route = ^/ alarm:peer a request came, ${time[micros]}
          """
              .formatted(port);
    };
  }

  static Process receiver(Scratch scratch, int delay) throws IOException {
    return scratch.start(
        "receiver",
        List.of(
            Build.java(),
            "-Xmx256m",
            "-cp",
            Build.classPath(),
            Receiver.class.getName(),
            "--delay-ms",
            "" + delay));
  }

  static int port(Scratch scratch) throws IOException {
    Scratch.await(
        "the receiver",
        Duration.ofSeconds(20),
        () -> {
          try {
            return scratch.log("receiver").matches("[0-9]+\n");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    return Integer.parseInt(scratch.log("receiver").strip());
  }

  private static boolean journalEmpty(Path state) {
    try {
      return JournalDirectory.at(state).bytes() == 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How many events the receiver has taken. */
  static long accepted(int port) throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket
          .getOutputStream()
          .write(
              "GET /stats HTTP/1.1\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      String said =
          new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))
              .lines()
              .filter(line -> line.startsWith("{"))
              .findFirst()
              .orElseThrow();
      return Long.parseLong(said.replaceAll(".*\"accepted\":([0-9]+).*", "$1"));
    }
  }

  private static String fate(Accounts accounts) {
    return "%s delivered, %s waiting, %s dropped and counted"
        .formatted(
            Figures.whole(accounts.in(State.DELIVERED)),
            Figures.whole(accounts.in(State.READY)),
            Figures.whole(accounts.dropped()));
  }

  private void tell(Scene scene, Map<Variant, List<Run>> runs) {
    report.heading(
        "(b) requests/s, every request reported, %s; median of %d rounds of %d s (least to most)"
            .formatted(scene.words(), rounds, seconds));
    List<Run> plain = runs.getOrDefault(Variant.PLAIN, List.of());
    runs.forEach(
        (variant, list) -> {
          report.row(
              variant.words,
              new Figures(list.stream().map(r -> r.load().perSecond()).toList())
                  .text(Figures::whole));
          report.row(
              "  µs of processor a request in uWSGI's processes",
              new Figures(list.stream().map(Run::micros).toList()).text(Figures::one));
          if (variant == Variant.ROUTE) {
            report.row(
                "  events a second, delivered meanwhile",
                new Figures(list.stream().map(Run::delivered).toList()).text(Figures::one),
                "1 or better");
          }
          if (variant != Variant.PLAIN) {
            List<Double> ratios = new ArrayList<>();
            for (int i = 0; i < list.size(); i++) {
              ratios.add(list.get(i).load().perSecond() / plain.get(i).load().perSecond());
            }
            report.row(
                "  of plain, round by round",
                new Figures(ratios).text(Figures::percent),
                variant == Variant.ROUTE ? "97 % or better" : "");
          }
        });
    runs.forEach(
        (variant, list) -> {
          Run last = list.get(list.size() - 1);
          String errors = last.load().errors() == 0 ? "" : ", " + last.load().errors() + " errors";
          report.row(
              "99th percentile, " + variant.words, last.load().p99() + " (last round)" + errors);
          if (!last.fate().isEmpty()) {
            report.row(
                "events of " + Figures.whole(last.asked()) + " requests, " + variant.words,
                Figures.whole(last.reported()) + ": " + last.fate());
          }
        });
  }
}

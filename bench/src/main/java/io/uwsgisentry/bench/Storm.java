package io.uwsgisentry.bench;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Outbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * (e) A storm: an application that raises the same exception at every request, as fast as clients
 * ask. With nothing, with this plugin, and with Sentry's own SDK inside the application: what it
 * costs, what arrives, what is told of as lost, and what is lost without a word.
 */
final class Storm {
  private enum Variant {
    PLAIN("nothing"),
    PLUGIN("uwsgi-sentry"),
    SDK("sentry-sdk");

    private final String words;

    Variant(String words) {
      this.words = words;
    }
  }

  private static final String APP =
      """
      import uwsgi

      def place(order):
          raise ValueError("order %s cannot be placed" % order)

      def application(environ, start_response):
          if environ["PATH_INFO"] == "/requests":
              start_response("200 OK", [("Connection", "close")])
              return [b"%d" % uwsgi.total_requests()]
          place(4711)

      """;
  private static final String INIT =
      """
      import sentry_sdk
      from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

      sentry_sdk.init(dsn="DSN")
      application = SentryWsgiMiddleware(application)
      """;
  private static final int CONNECTIONS = 8;
  private static final Duration LONG = Duration.ofMinutes(10);

  private final Build build;
  private final Report report;
  private final int wanted;
  private final int folded;
  private final HttpClient client = HttpClient.newHttpClient();

  /**
   * @param wanted exceptions to raise
   * @param folded records for the memory with so many counted
   */
  Storm(Build build, Report report, int wanted, int folded) {
    this.build = build;
    this.report = report;
    this.wanted = wanted;
    this.folded = folded;
  }

  void run() throws IOException, InterruptedException {
    report.heading(
        "(e) a storm: %s equal exceptions, two workers, %d connections"
            .formatted(Figures.whole((long) wanted), CONNECTIONS));
    for (Variant variant : Variant.values()) {
      if (variant == Variant.SDK && Sdk.options(build).isEmpty()) {
        report.row(variant.words, "SKIPPED: it cannot be had here");
        continue;
      }
      System.err.printf("(e) %s%n", variant.words);
      run(variant);
    }
    System.err.println("(e) memory");
    memory();
  }

  private void run(Variant variant) throws IOException, InterruptedException {
    try (Scratch scratch = new Scratch();
        Sink sink = new Sink()) {
      Path state = scratch.path("state");
      Peak peak = new Peak(state);
      long raised = 0;
      double seconds = 0;
      double micros = 0;
      try (Server server =
          Server.start(scratch, options(scratch, variant, sink), app(variant, sink))) {
        if (variant == Variant.PLUGIN) {
          Scratch.await("an agent", Duration.ofSeconds(30), () -> server.agent().isPresent());
        }
        Scratch.pause(Duration.ofSeconds(2));
        peak.start();
        long before = server.processorNanos();
        int asked = 0;
        while (raised < wanted) {
          // In rounds, since wrk knows seconds only. It counts no request that ends without an
          // answer.
          long start = System.nanoTime();
          var unused = Load.on(server.port(), "/", CONNECTIONS, 2);
          seconds += (System.nanoTime() - start) / 1e9;
          raised = requests(server) - asked++;
        }
        micros = (server.processorNanos() - before) / 1000.0 / raised;
        if (variant == Variant.PLUGIN) {
          long all = raised;
          awaitCounted(state, all);
          peak.agent(server.agent());
          peak.stop();
        } else if (variant == Variant.SDK) {
          // It sends its reports with what it sends, and at most every 30 seconds.
          Scratch.pause(Duration.ofSeconds(35));
        }
        raised = requests(server) - asked;
      }
      peak.stop();
      tell(variant, raised, seconds, micros, sink);
      if (variant == Variant.PLUGIN) {
        report.row("  dropped by the writers and counted", Figures.whole(dropped(state)));
        report.row("  resident memory of the agent, most, MiB", Figures.one(peak.memory));
        report.row(
            "  the directory, at most and afterwards, MiB",
            Figures.one(peak.bytes / 1048576.0) + ", " + Figures.one(size(state) / 1048576.0));
      }
    }
  }

  private void tell(Variant variant, long raised, double seconds, double micros, Sink sink) {
    report.row(variant.words + ": requests/s, each raising", Figures.whole(raised / seconds));
    report.row("  µs of processor a request in uWSGI's processes", Figures.one(micros));
    if (variant == Variant.PLAIN) {
      return;
    }
    Map<String, Long> reasons = sink.lost();
    // uWSGI prints an exception through sys.excepthook, where the SDK meets it again and leaves it
    // out as one that it has seen.
    Long again = reasons.remove("event_processor");
    long lost = reasons.values().stream().mapToLong(Long::longValue).sum();
    report.row("  raised", Figures.whole(raised));
    report.row("  events sent", Figures.whole(sink.events()));
    report.row("  they stand for", Figures.whole(sink.occurrences()));
    report.row(
        "  reported as lost",
        Figures.whole(lost)
            + reasons.entrySet().stream()
                .map(e -> e.getKey() + " " + Figures.whole((long) e.getValue()))
                .collect(Collectors.joining(", ", lost == 0 ? "" : ": ", "")));
    if (again != null) {
      report.row("  reported as met a second time", Figures.whole(again));
    }
    report.row("  lost without a word", Figures.whole(raised - sink.occurrences() - lost));
  }

  private String options(Scratch scratch, Variant variant, Sink sink)
      throws IOException, InterruptedException {
    return switch (variant) {
      case PLAIN -> "";
      case PLUGIN ->
          """
          plugin = %s
          sentry-dsn = %s
          sentry-dir = %s
          sentry-drain = 20
          """
              .formatted(build.plugin(), sink.dsn(), scratch.path("state"));
      case SDK -> {
        report.row("sentry-sdk's version", Sdk.VERSION);
        yield Sdk.options(build).orElseThrow();
      }
    };
  }

  private static String app(Variant variant, Sink sink) {
    return variant == Variant.SDK ? APP + INIT.replace("DSN", sink.dsn()) : APP;
  }

  /** An answer does not count its own question. */
  private long requests(Server server) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/requests"))
            .build();
    return Long.parseLong(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }

  /** Looks seldom: each look opens the agent's database. */
  private static void awaitCounted(Path state, long records) {
    long end = System.nanoTime() + LONG.toNanos();
    while (Accounts.counted(state) < records) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException(
            Accounts.counted(state) + " of " + records + " were counted");
      }
      Scratch.pause(Duration.ofMillis(200));
    }
  }

  private static long dropped(Path state) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().counters().stream()
          .filter(counter -> counter.name() == Counter.Name.DROPPED)
          .mapToLong(Counter::quantity)
          .sum();
    }
  }

  private void memory() throws IOException {
    try (Scratch scratch = new Scratch();
        Sink sink = new Sink()) {
      Path state = scratch.path("state");
      String options =
          "plugin = %s\nsentry-dsn = %s\nsentry-dir = %s\nsentry-drain = 20\n"
              .formatted(build.plugin(), sink.dsn(), state);
      Peak peak = new Peak(state);
      try (Server server = Server.start(scratch, options)) {
        Scratch.await("an agent", Duration.ofSeconds(30), () -> server.agent().isPresent());
        Samples samples = new Samples(sink.dsn());
        peak.start();
        long start = System.nanoTime();
        int chunk = 100_000;
        for (int written = 0; written < folded; written += chunk) {
          samples.write(state, chunk, 4711L);
          long so = written + chunk;
          awaitCounted(state, so);
        }
        peak.agent(server.agent());
        report.row(
            "%s equal records, µs each, written and counted"
                .formatted(Figures.whole((long) folded)),
            Figures.one((System.nanoTime() - start) / 1e3 / folded));
        report.row("  resident memory of the agent, most, MiB", Figures.one(peak.memory));
        peak.stop();
        report.row(
            "  the database, MiB", Figures.one(Files.size(state.resolve("outbox.db")) / 1048576.0));
      }
      report.row("  events sent", Figures.whole(sink.events()));
      report.row("  they stand for", Figures.whole(sink.occurrences()));
    }
  }

  private static long size(Path directory) {
    List<Path> paths = new ArrayList<>();
    try (Stream<Path> files = Files.walk(directory)) {
      files.filter(file -> !file.toString().contains("/runtime/")).forEach(paths::add);
    } catch (IOException | UncheckedIOException e) {
      // A file went away in the middle.
    }
    return paths.stream().mapToLong(path -> path.toFile().length()).sum();
  }

  /** The most that was seen while it was looked at. */
  private static final class Peak {
    private final Path state;
    private final Thread thread = new Thread(this::look);
    private volatile boolean stopped;
    private volatile long bytes;
    private double memory;

    Peak(Path state) {
      this.state = state;
    }

    void start() {
      thread.setDaemon(true);
      thread.start();
    }

    private void look() {
      while (!stopped) {
        bytes = Math.max(bytes, size(state));
        Scratch.pause(Duration.ofMillis(100));
      }
    }

    void agent(Optional<Long> pid) {
      memory = pid.map(p -> Proc.mebibytes(p, "VmHWM")).orElse(Double.NaN);
    }

    void stop() {
      stopped = true;
    }
  }
}

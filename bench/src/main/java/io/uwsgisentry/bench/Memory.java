package io.uwsgisentry.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * (m) The memory of a whole server, once every worker has reported an exception: with nothing, with
 * this plugin and its agent, and with Sentry's own SDK inside the application.
 *
 * <p>Proportional set size, summed over the master, the workers, the agent and its script: what
 * workers share counts once. The application has loaded what applications load in any case, so that
 * none of it counts as the SDK's.
 */
final class Memory {
  private enum Variant {
    PLAIN("plain uWSGI"),
    PLUGIN("uwsgi-sentry"),
    SDK("sentry-sdk");

    private final String words;

    Variant(String words) {
      this.words = words;
    }
  }

  /** MiB; of the agent 0 where there is none. */
  private record Taken(double all, double agent, double agentResident) {}

  private static final String APP =
      """
      import datetime, decimal, email.message, http.client, json, logging, random
      import ssl, threading, time, urllib.request, uuid

      import uwsgi

      raised = False


      def place(order):
          raise ValueError("order %s cannot be placed" % order)


      def application(environ, start_response):
          if environ["PATH_INFO"] == "/exceptions":
              start_response("200 OK", [("Connection", "close")])
              return [",".join(str(w["exceptions"]) for w in uwsgi.workers()).encode()]
          time.sleep(0.05)  # meanwhile the other requests go to other workers
          global raised
          if raised:  # each worker once: a client may repeat what was answered with nothing
              start_response("200 OK", [("Connection", "close")])
              return [b""]
          raised = True
          place(4711)

      """;
  private static final String INIT =
      """
      import sentry_sdk
      from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

      sentry_sdk.init(dsn="DSN")
      application = SentryWsgiMiddleware(application)
      """;
  private static final int[] WORKERS = {4, 16, 32};
  private static final Duration LONG = Duration.ofSeconds(60);

  /** The agent is given the time to come to rest, and the others the same. */
  private static final Duration REST = Duration.ofSeconds(3);

  private final Build build;
  private final Report report;
  private final int rounds;
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  Memory(Build build, Report report, int rounds) {
    this.build = build;
    this.report = report;
    this.rounds = rounds;
  }

  void run() throws IOException, InterruptedException {
    report.heading(
        "(m) memory of all processes of a server, every worker has reported, MiB (Pss); median of %d"
            .formatted(rounds));
    Optional<String> sdk = Sdk.options(build);
    if (sdk.isEmpty()) {
      report.row("beside sentry-sdk", "SKIPPED: it cannot be had here");
    }
    try (Scratch scratch = new Scratch();
        Sink sink = new Sink()) {
      prepare(scratch, sink);
      for (boolean lazy : new boolean[] {false, true}) {
        List<Map<Variant, List<Taken>>> all = new ArrayList<>();
        for (int workers : WORKERS) {
          all.add(measure(scratch, sink, workers, lazy, sdk));
        }
        tell(lazy ? "lazy-apps" : "prefork", all);
      }
    }
  }

  /** An agent has its class archive from its second start on. */
  private void prepare(Scratch scratch, Sink sink) throws IOException {
    System.err.println("(m) preparing");
    String hello = "hook-post-app = sentry:message=hello\n";
    try (Server server = Server.start(scratch, plugin(scratch, sink) + hello)) {
      Scratch.await("an agent", LONG, () -> server.agent().isPresent() && sink.events() > 0);
      if (!AgentAlone.archived(scratch.path("state"))) {
        report.row("class archive", "none was made");
      }
    }
  }

  private Map<Variant, List<Taken>> measure(
      Scratch scratch, Sink sink, int workers, boolean lazy, Optional<String> sdk)
      throws IOException {
    Map<Variant, List<Taken>> taken = new EnumMap<>(Variant.class);
    for (int round = 0; round < rounds; round++) {
      for (Variant variant : Variant.values()) {
        if (variant == Variant.SDK && sdk.isEmpty()) {
          continue;
        }
        System.err.printf(
            "(m) round %d, %d workers%s, %s%n",
            round + 1, workers, lazy ? ", lazy-apps" : "", variant.words);
        String options =
            "processes = %d\nlazy-apps = %b\n".formatted(workers, lazy)
                + switch (variant) {
                  case PLAIN -> "";
                  case PLUGIN -> plugin(scratch, sink);
                  case SDK -> sdk.get();
                };
        taken
            .computeIfAbsent(variant, v -> new ArrayList<>())
            .add(take(scratch, sink, variant, options));
      }
    }
    return taken;
  }

  private String plugin(Scratch scratch, Sink sink) {
    return "plugin = %s\nsentry-dsn = %s\nsentry-dir = %s\n"
        .formatted(build.plugin(), sink.dsn(), scratch.path("state"));
  }

  private Taken take(Scratch scratch, Sink sink, Variant variant, String options)
      throws IOException {
    String app = variant == Variant.SDK ? APP + INIT.replace("DSN", sink.dsn()) : APP;
    Path state = scratch.path("state");
    long counted = Accounts.counted(state);
    long arrived = sink.events();
    try (Server server = Server.start(scratch, options, app)) {
      if (variant == Variant.PLUGIN) {
        Scratch.await("an agent", LONG, () -> server.agent().isPresent());
      }
      long raised = raiseInEachWorker(server);
      Scratch.await(
          raised + " exceptions to be reported, " + variant.words,
          LONG,
          () ->
              switch (variant) {
                case PLAIN -> true;
                case PLUGIN ->
                    Accounts.counted(state) - counted >= raised && sink.events() > arrived;
                case SDK -> sink.events() - arrived >= raised;
              });
      Scratch.pause(REST);
      Optional<Long> agent = server.agent();
      return new Taken(
          server.processes().stream().mapToDouble(Proc::proportional).sum(),
          agent.map(Proc::proportional).orElse(0.0),
          agent.map(pid -> Proc.mebibytes(pid, "VmRSS")).orElse(0.0));
    }
  }

  /** Until none is left that has not; returns how many exceptions that took. */
  private long raiseInEachWorker(Server server) {
    Scratch.await(
        "an exception in each worker",
        LONG,
        () -> {
          long without = Arrays.stream(exceptions(server)).filter(n -> n == 0).count();
          List<CompletableFuture<String>> asked =
              Stream.generate(() -> get(server, "/")).limit(without).toList();
          asked.forEach(CompletableFuture::join);
          return without == 0;
        });
    return Arrays.stream(exceptions(server)).sum();
  }

  private long[] exceptions(Server server) {
    return Stream.of(get(server, "/exceptions").join().split(","))
        .mapToLong(Long::parseLong)
        .toArray();
  }

  /** The text of the answer, or of the error: uWSGI may answer an exception with nothing. */
  private CompletableFuture<String> get(Server server, String path) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
            .timeout(LONG)
            .build();
    return client
        .sendAsync(request, HttpResponse.BodyHandlers.ofString())
        .handle((response, error) -> response == null ? "" + error : response.body());
  }

  private void tell(String mode, List<Map<Variant, List<Taken>>> all) {
    for (int i = 0; i < WORKERS.length; i++) {
      Map<Variant, List<Taken>> taken = all.get(i);
      report.row(
          "%d workers, %s: plain uWSGI".formatted(WORKERS[i], mode),
          text(taken, Variant.PLAIN, Taken::all));
      report.row(
          "  with uwsgi-sentry",
          "%s: %s more, its agent %s of it (%s resident)"
              .formatted(
                  text(taken, Variant.PLUGIN, Taken::all),
                  Figures.one(more(taken, Variant.PLUGIN)),
                  text(taken, Variant.PLUGIN, Taken::agent),
                  text(taken, Variant.PLUGIN, Taken::agentResident)));
      if (taken.containsKey(Variant.SDK)) {
        report.row(
            "  with sentry-sdk",
            "%s: %s more"
                .formatted(
                    text(taken, Variant.SDK, Taken::all), Figures.one(more(taken, Variant.SDK))));
      }
    }
    for (Variant variant : all.get(0).keySet()) {
      if (variant != Variant.PLAIN) {
        int last = WORKERS.length - 1;
        report.row(
            "  of it for each further worker, " + variant.words,
            String.format(
                java.util.Locale.ROOT,
                "%.2f",
                (more(all.get(last), variant) - more(all.get(0), variant))
                    / (WORKERS[last] - WORKERS[0])));
      }
    }
  }

  private static double more(Map<Variant, List<Taken>> taken, Variant variant) {
    return median(taken, variant, Taken::all) - median(taken, Variant.PLAIN, Taken::all);
  }

  private static String text(
      Map<Variant, List<Taken>> taken, Variant variant, ToDoubleFunction<Taken> of) {
    return Figures.one(median(taken, variant, of));
  }

  private static double median(
      Map<Variant, List<Taken>> taken, Variant variant, ToDoubleFunction<Taken> of) {
    return new Figures(
            taken.getOrDefault(variant, List.of()).stream().map(of::applyAsDouble).toList())
        .median();
  }
}

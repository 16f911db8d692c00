package io.uwsgisentry.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * (d) What capture costs: the watch of a server in which nothing goes wrong, and one exception, for
 * the request that raises it, against Sentry's own SDK in the same worker. Variants take turns.
 *
 * <p>An exception's cost is a difference: requests one after the other on one connection, with and
 * without. The plugin is told of an exception that nobody caught, the SDK is given one that was
 * caught, each against the same page without the one or the other.
 */
final class CaptureCost {
  private static final int WORKERS_BUSY = 8;

  private final Build build;
  private final Report report;
  private final int rounds;
  private final int seconds;

  CaptureCost(Build build, Report report, int rounds, int seconds) {
    this.build = build;
    this.report = report;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  /** Of one request. */
  private record Cost(double wall, double processor) {}

  void run() throws IOException, InterruptedException {
    watch();
    Optional<String> sdk = Sdk.options(build);
    for (int frames : new int[] {5, 50}) {
      exception(frames, sdk);
    }
    if (sdk.isEmpty()) {
      report.row("against sentry-sdk", "SKIPPED: it cannot be had here");
    }
  }

  private void watch() throws IOException, InterruptedException {
    List<Double> ratios = new ArrayList<>();
    List<Double> plain = new ArrayList<>();
    List<Double> watched = new ArrayList<>();
    for (int round = 0; round < 2 * rounds; round++) {
      System.err.printf("(d) round %d, nothing goes wrong%n", round + 1);
      // Whichever comes second has a warmer machine: they take turns in that too.
      double[] rates = new double[2];
      for (int i = 0; i < 2; i++) {
        int variant = (round + i) % 2;
        rates[variant] = rate(variant == 1);
      }
      plain.add(rates[0]);
      watched.add(rates[1]);
      ratios.add(rates[1] / rates[0]);
    }
    report.heading(
        "(d) requests/s on a page of one line, nothing goes wrong; median of %d pairs of %d s"
            .formatted(2 * rounds, seconds));
    report.row("plain uWSGI", new Figures(plain).text(Figures::whole));
    report.row("with sentry-dsn and all capture", new Figures(watched).text(Figures::whole));
    report.row("ratio, pair by pair", new Figures(ratios).text(Figures::percent), "98 % or better");
  }

  private double rate(boolean captured) throws IOException, InterruptedException {
    try (Scratch scratch = new Scratch();
        Server server =
            Server.start(scratch, "harakiri = 30\n" + (captured ? capture(scratch) : ""))) {
      settle(server, captured);
      return Load.on(server.port(), "/", WORKERS_BUSY, seconds).perSecond();
    }
  }

  private void exception(int frames, Optional<String> sdk)
      throws IOException, InterruptedException {
    List<Cost> plugin = new ArrayList<>();
    List<Cost> library = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      System.err.printf("(d) round %d, an exception of %d frames%n", round + 1, frames);
      plugin.add(less(cost("/raise?" + frames, true, null), cost("/raise?" + frames, false, null)));
      if (sdk.isPresent()) {
        library.add(
            less(
                cost("/caught?" + frames, false, sdk.get()),
                cost("/caught?" + frames, false, null)));
      }
    }
    report.heading(
        "(d) one exception of %d frames, µs more for its request; median of %d rounds of %d s"
            .formatted(frames, rounds, seconds));
    report.row("this plugin, time", text(plugin, Cost::wall));
    report.row("  of processor, all of uWSGI", text(plugin, Cost::processor));
    if (!library.isEmpty()) {
      report.row("sentry-sdk's capture_exception, time", text(library, Cost::wall));
      report.row("  of processor, all of uWSGI", text(library, Cost::processor));
      report.row(
          "the SDK's cost in the plugin's, time",
          Figures.one(median(library, Cost::wall) / median(plugin, Cost::wall)),
          "10 times");
      report.row(
          "  of processor",
          Figures.one(median(library, Cost::processor) / median(plugin, Cost::processor)));
    }
  }

  private Cost cost(String path, boolean captured, @Nullable String sdk)
      throws IOException, InterruptedException {
    try (Scratch scratch = new Scratch()) {
      // One worker: the next request waits for what the one before still costs.
      String options = "processes = 1\n" + (captured ? capture(scratch) : "");
      Process receiver = null;
      if (sdk != null) {
        receiver = Requests.receiver(scratch, 0);
        options +=
            "env = COST_KIND=sdk\nenv = COST_DSN=http://public@127.0.0.1:%d/1\n%s"
                .formatted(Requests.port(scratch), sdk);
      }
      try (Server server = Server.start(scratch, options, page())) {
        settle(server, captured);
        Load.on(server.port(), path, 1, 1);
        long before = server.processorNanos();
        Load load = Load.on(server.port(), path, 1, seconds);
        return new Cost(
            1e6 / load.perSecond(), (server.processorNanos() - before) / 1000.0 / load.requests());
      } finally {
        if (receiver != null) {
          receiver.destroy();
        }
      }
    }
  }

  private static void settle(Server server, boolean captured) {
    if (captured) {
      Scratch.await("an agent", Duration.ofSeconds(30), () -> server.agent().isPresent());
    }
    Scratch.pause(Duration.ofSeconds(2));
  }

  /** The events stay on the machine: what is sent, and how fast, is measured in (b) and (c). */
  private String capture(Scratch scratch) {
    return """
        plugin = %s
        sentry-capture = all
        sentry-dir = %s
        sentry-journal-max = 2g
        """
        .formatted(build.plugin(), scratch.path("state"));
  }

  private static String page() throws IOException {
    try (InputStream in = CaptureCost.class.getResourceAsStream("/cost.py")) {
      if (in == null) {
        throw new IllegalStateException("cost.py is not on the class path");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Cost less(Cost with, Cost without) {
    return new Cost(with.wall - without.wall, with.processor - without.processor);
  }

  private static double median(List<Cost> costs, java.util.function.Function<Cost, Double> of) {
    return new Figures(costs.stream().map(of).toList()).median();
  }

  private static String text(List<Cost> costs, java.util.function.Function<Cost, Double> of) {
    return new Figures(costs.stream().map(of).toList()).text(Figures::one);
  }
}

package io.uwsgisentry.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code ./run bench [--quick] [a] [b] [c] [d] [e] [l] [m] [r]}: measures and prints one table. */
final class Bench {
  private Bench() {}

  public static void main(String[] arguments) throws Exception {
    List<String> parts = new ArrayList<>(List.of(arguments));
    boolean quick = parts.remove("--quick");
    if (!List.of("a", "b", "c", "d", "e", "l", "m", "r").containsAll(parts)) {
      System.err.println(
          """
          usage: ./run bench [--quick] [a] [b] [c] [d] [e] [l] [m] [r]
            a  the cost of one append
            b  requests per second with and without, and beside uWSGI's alarm_curl;
               what healthy requests wait for beside exceptions
            c  the agent alone
            d  what capture costs, and an exception beside sentry-sdk's
            e  a storm of equal exceptions, and the same with sentry-sdk
            l  a flood of log lines that raise an alarm
            m  memory of a server that reports, beside sentry-sdk
            r  the agent after an outage: 200,000 events wait; bytes of disk an event
          Everything takes about half an hour, --quick ten. Leave the machine alone meanwhile.""");
      System.exit(2);
    }
    Build build = Build.here();
    Report report = new Report();
    report.heading(machine());
    if (parts.isEmpty() || parts.contains("a")) {
      System.err.println("(a)");
      AppendCost.run(build, report);
    }
    if (parts.isEmpty() || parts.contains("b")) {
      new Requests(build, report, quick ? 2 : 3, quick ? 2 : 6).run();
      new Healthy(build, report, quick ? 2 : 3, quick ? 4 : 10).run();
    }
    if (parts.isEmpty() || parts.contains("c")) {
      agent(build, report, quick).run();
    }
    if (parts.isEmpty() || parts.contains("r")) {
      agent(build, report, quick).recover(quick ? 20_000 : 200_000);
    }
    if (parts.isEmpty() || parts.contains("d")) {
      new CaptureCost(build, report, quick ? 2 : 3, quick ? 2 : 6).run();
    }
    if (parts.isEmpty() || parts.contains("e")) {
      new Storm(build, report, quick ? 20_000 : 100_000, quick ? 100_000 : 1_000_000).run();
    }
    if (parts.isEmpty() || parts.contains("l")) {
      new LogFlood(build, report, quick ? 2 : 5, quick ? 2 : 4).run();
    }
    if (parts.isEmpty() || parts.contains("m")) {
      new Memory(build, report, quick ? 1 : 2).run();
    }
    System.out.println(report.text());
  }

  private static AgentAlone agent(Build build, Report report, boolean quick) {
    return new AgentAlone(build, report, quick ? 2 : 5, quick ? 10_000 : 40_000, quick ? 10 : 60);
  }

  private static String machine() throws IOException, InterruptedException {
    String model =
        Files.readString(Path.of("/proc/cpuinfo"))
            .lines()
            .filter(line -> line.startsWith("model name"))
            .map(line -> line.substring(line.indexOf(':') + 2))
            .findFirst()
            .orElse("?");
    long memory =
        Files.readString(Path.of("/proc/meminfo"))
            .lines()
            .filter(line -> line.startsWith("MemTotal"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) >> 20)
            .findFirst()
            .orElse(0);
    return "%d processors (%s), %d GiB, Linux %s, Java %s, uWSGI %s"
        .formatted(
            Runtime.getRuntime().availableProcessors(),
            model,
            memory,
            System.getProperty("os.version"),
            System.getProperty("java.version"),
            said("uwsgi", "--version"));
  }

  private static String said(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return said.strip();
  }
}

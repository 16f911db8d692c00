package io.uwsgisentry.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What wrk saw.
 *
 * @param requests answered
 * @param errors answered with anything but 2xx or 3xx, or not at all
 * @param p999 the 99.9th percentile of the time that a request takes, µs
 */
record Load(double perSecond, long requests, long errors, String p99, double p999) {
  private static final Path SCRIPT =
      Build.here().root().resolve("bench/src/main/resources/percentiles.lua");
  private static final Pattern RATE = Pattern.compile("Requests/sec:\\s+([0-9.]+)");
  private static final Pattern COUNT = Pattern.compile("([0-9]+) requests in");
  private static final Pattern BAD = Pattern.compile("Non-2xx or 3xx responses: ([0-9]+)");
  private static final Pattern SOCKET =
      Pattern.compile(
          "Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)");
  private static final Pattern P999 = Pattern.compile("99\\.9% ([0-9]+) us");
  private static final Pattern P99 = Pattern.compile("99%\\s+(\\S+)");

  /** Runs wrk with one thread and {@code connections} for some seconds. */
  static Load on(int port, String path, int connections, int seconds)
      throws IOException, InterruptedException {
    Process wrk =
        new ProcessBuilder(
                List.of(
                    "wrk",
                    "-t1",
                    "-c" + connections,
                    "-d" + seconds,
                    "--latency",
                    "-s",
                    SCRIPT.toString(),
                    "http://127.0.0.1:" + port + path))
            .redirectErrorStream(true)
            .start();
    String said = new String(wrk.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (wrk.waitFor() != 0 || !RATE.matcher(said).find()) {
      throw new IOException("wrk: " + said);
    }
    long errors = (long) first(BAD, said);
    Matcher socket = SOCKET.matcher(said);
    if (socket.find()) {
      for (int i = 1; i <= 4; i++) {
        errors += Long.parseLong(socket.group(i));
      }
    }
    Matcher p99 = P99.matcher(said);
    return new Load(
        first(RATE, said),
        (long) first(COUNT, said),
        errors,
        p99.find() ? p99.group(1) : "?",
        first(P999, said));
  }

  private static double first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Double.parseDouble(matcher.group(1)) : 0;
  }
}

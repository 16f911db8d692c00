package io.uwsgisentry.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** (a) What an entry point pays for one append, measured in C. */
final class AppendCost {
  private AppendCost() {}

  static void run(Build build, Report report) throws IOException, InterruptedException {
    report.heading("(a) one append, µs: median, 99th percentile");
    if (!Files.isExecutable(build.appendBenchmark())) {
      report.row("not built", "make -C native bench");
      return;
    }
    Path disk = Files.createTempDirectory("uwsgi-sentry-bench-");
    Process process =
        new ProcessBuilder(build.appendBenchmark().toString(), disk.toString(), "/dev/shm")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String line;
      while ((line = lines.readLine()) != null) {
        String[] part = line.split("\t");
        String where = part[0].equals("/dev/shm") ? "tmpfs" : "disk";
        report.row(
            "%s, %s B, %s".formatted(where, part[1], part[2]),
            part[3] + ", " + part[4],
            "99th below 10");
      }
    }
    int status = process.waitFor();
    Files.deleteIfExists(disk);
    if (status != 0) {
      throw new IOException("bench_append ended with " + status);
    }
  }
}

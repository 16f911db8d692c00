package io.uwsgisentry.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Sentry's own SDK for Python, always the same version, in a virtual environment of its own. It is
 * the distribution's Python that the environment belongs to: the distribution's uWSGI runs no
 * other.
 */
final class Sdk {
  static final String VERSION = "2.75.0";

  /** With what it needs, so that memory is comparable from run to run. */
  private static final List<String> PACKAGES =
      List.of("sentry-sdk==" + VERSION, "urllib3==2.8.0", "certifi==2026.10.19.post1");

  private Sdk() {}

  /**
   * What belongs into uWSGI's configuration; empty if PyPI is not reached. It is fetched once.
   *
   * <p>The environment shuts out what else this machine has for Python: the SDK would load every
   * framework that it finds, and pay for it.
   */
  static Optional<String> options(Build build) throws IOException, InterruptedException {
    Path venv = build.root().resolve("build/bench-sdk");
    Path complete = venv.resolve("complete-" + VERSION);
    if (!Files.exists(complete)) {
      List<String> install = new ArrayList<>();
      install.add(venv.resolve("bin/pip").toString());
      install.addAll(List.of("install", "-q", "--timeout", "15", "--retries", "1"));
      install.addAll(PACKAGES);
      if (!succeeds(List.of(python(), "-m", "venv", "--clear", venv.toString()))
          || !succeeds(install)) {
        return Optional.empty();
      }
      Files.createFile(complete);
    }
    // Threads and hooks as the SDK asks for: without them it warns.
    return Optional.of(
        "virtualenv = %s\nenable-threads = true\npy-call-uwsgi-fork-hooks = true\n"
            .formatted(venv));
  }

  private static boolean succeeds(List<String> command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(3, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      return false;
    }
    return process.exitValue() == 0;
  }

  private static String python() {
    Path ofTheDistribution = Path.of("/usr/bin/python3");
    return Files.isExecutable(ofTheDistribution) ? ofTheDistribution.toString() : "python3";
  }
}

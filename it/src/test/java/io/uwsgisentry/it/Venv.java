package io.uwsgisentry.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * A virtual environment of the distribution's Python with packages of PyPI's, made once and kept
 * below {@code target}. Where it cannot be made the tests that want it are skipped, and say why.
 */
final class Venv {
  private static final Path CACHE = Path.of("target/venvs").toAbsolutePath();

  private static final Map<String, String> FAILURES = new ConcurrentHashMap<>();

  private Venv() {}

  /** Its directory, with these packages as pip names them; ends the test as not run without. */
  static Path with(String name, List<String> packages) {
    Path venv = CACHE.resolve(name);
    String failure = FAILURES.computeIfAbsent(name, key -> make(venv, packages));
    assumeTrue(failure.isEmpty(), () -> "needs " + packages + " from PyPI: " + failure);
    return venv;
  }

  private static String make(Path venv, List<String> packages) {
    Path complete = venv.resolve("complete");
    if (Files.exists(complete)) {
      return "";
    }
    try {
      Files.createDirectories(CACHE);
      List<String> pip = new ArrayList<>(List.of(venv + "/bin/pip", "install", "-q", "--no-input"));
      pip.addAll(packages);
      String failure = run(List.of("/usr/bin/python3", "-m", "venv", venv.toString()));
      failure = failure.isEmpty() ? run(pip) : failure;
      if (failure.isEmpty()) {
        Files.createFile(complete);
      }
      return failure;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String run(List<String> words) throws IOException {
    Path log = Files.createTempFile(CACHE, "command", ".log");
    try {
      Process process =
          new ProcessBuilder(words)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .start();
      boolean ended = process.waitFor(5, TimeUnit.MINUTES);
      process.destroyForcibly();
      String said = Files.readString(log);
      return ended && process.exitValue() == 0
          ? ""
          : "it failed: " + said.substring(Math.max(0, said.length() - 400));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    } finally {
      Files.delete(log);
    }
  }
}

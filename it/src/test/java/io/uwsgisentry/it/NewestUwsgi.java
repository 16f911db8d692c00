package io.uwsgisentry.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The newest uWSGI of PyPI with Python in it, compiled once and kept below {@code target}, and our
 * plugin built by it. Where it cannot be had the tests that want it are skipped, and say why.
 */
record NewestUwsgi(Path binary, Path plugins) {
  private static final Path CACHE = Path.of("target/newest-uwsgi").toAbsolutePath();

  static NewestUwsgi get() throws IOException, InterruptedException {
    Path venv = CACHE.resolve("venv");
    Path binary = venv.resolve("bin/uwsgi");
    Files.createDirectories(CACHE);
    if (!Files.isExecutable(binary)) {
      run(CACHE, "a virtual environment", "python3", "-m", "venv", venv.toString());
      run(CACHE, "uWSGI from PyPI", venv.resolve("bin/pip").toString(), "install", "-q", "uwsgi");
    }
    Path jar = Path.of("../agent/target/uwsgi-sentry.jar").toAbsolutePath().normalize();
    assumeTrue(Files.isRegularFile(jar), "needs the agent's jar: ./run build makes it");
    Path plugins = Reaper.ofThisRun().directory().resolve("newest");
    Files.createDirectories(plugins);
    Files.deleteIfExists(plugins.resolve("sentry_plugin.so"));
    run(
        plugins,
        "the plugin",
        "env",
        "PYTHON=python3",
        "UWSGI_SENTRY_JAR=" + jar,
        binary.toString(),
        "--build-plugin",
        Path.of("..").toAbsolutePath().normalize().toString());
    return new NewestUwsgi(binary, plugins);
  }

  private static void run(Path directory, String what, String... command)
      throws IOException, InterruptedException {
    Path log = directory.resolve("build.log");
    Process process =
        new ProcessBuilder(List.of(command))
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean ended = process.waitFor(10, TimeUnit.MINUTES);
    if (!ended) {
      process.destroyForcibly();
    }
    String said = Files.readString(log);
    assumeTrue(
        ended && process.exitValue() == 0,
        () -> "cannot make " + what + ": " + said.substring(Math.max(0, said.length() - 800)));
  }
}

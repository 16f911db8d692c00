package io.uwsgisentry.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import org.opentest4j.TestAbortedException;

/**
 * The newest uWSGI of PyPI with a Python in it, compiled once and kept below {@code target}, and
 * our plugin built by it. Where it cannot be had the tests that want it are skipped, and say why.
 */
final class NewestUwsgi {
  private static final Path CACHE = Path.of("target/newest-uwsgi").toAbsolutePath();

  /** Also a Python without the headers that uWSGI is compiled with is none. */
  private static final String IS_COMPLETE =
      "import venv, ensurepip, sysconfig, os;"
          + " assert os.path.exists(sysconfig.get_paths()['include'] + '/Python.h')";

  /** By the name of its Python: what was made of it, or why it could not be. */
  private static final Map<String, Object> MADE = new ConcurrentHashMap<>();

  private final Path venv;
  private final Path plugins;

  private NewestUwsgi(Path venv, Path plugins) {
    this.venv = venv;
    this.plugins = plugins;
  }

  /** With the distribution's Python, which every user may read, or else the first there is. */
  static NewestUwsgi get() {
    return once("python3", List.of("/usr/bin/python3", "python3"));
  }

  /**
   * With a certain Python.
   *
   * @param version such as {@code 3.13}, found as {@code python3.13} or below pyenv's directory
   */
  static NewestUwsgi with(String version) {
    List<String> candidates = new ArrayList<>(List.of("python" + version));
    String pyenv = System.getenv("PYENV_ROOT");
    if (pyenv != null) {
      try (DirectoryStream<Path> found =
          Files.newDirectoryStream(Path.of(pyenv, "versions"), version + "{,.*}")) {
        found.forEach(home -> candidates.add(home.resolve("bin/python3").toString()));
      } catch (IOException e) {
        candidates.add(e.toString());
      }
    }
    return once("python" + version, candidates);
  }

  /**
   * Compiles it if need be, before a test's own time is measured; each test tells why it cannot.
   */
  @SuppressWarnings("CheckReturnValue")
  static void prepare(Supplier<NewestUwsgi> which) {
    try {
      which.get();
    } catch (TestAbortedException e) {
      // The tests abort of it themselves.
    }
  }

  /**
   * A server of this uWSGI, not yet started.
   *
   * @param ini with a line {@code plugins = …}, of which ours alone is to be loaded here
   */
  UwsgiServer server(Scene scene, String ini) {
    String own = "plugins = sentry\nvirtualenv = " + venv;
    return scene
        .serverAsInstalled(ini.replaceAll("(?m)^plugins = .*$", Matcher.quoteReplacement(own)))
        .of(binary(), plugins);
  }

  Path binary() {
    return venv.resolve("bin/uwsgi");
  }

  /** Ends the test as not run where this uWSGI has no such plugin built in. */
  synchronized void needs(String plugin) {
    Command list = Command.run(venv, binary().toString(), "--plugins-list", "--no-server");
    assumeTrue(
        list.said.lines().anyMatch(line -> line.strip().matches("(\\d+: )?" + plugin)),
        () -> "needs a uWSGI with " + plugin + " built in: " + binary() + " has none");
    if (plugin.equals("gevent")
        && !Command.run(venv, venv + "/bin/python", "-c", "import gevent").succeeded) {
      Command.run(venv, venv + "/bin/pip", "install", "-q", "gevent").makes("gevent from PyPI");
    }
  }

  /** Ends the test as not run where another user may not read this Python. */
  void needsToBeReadableTo(String user) {
    Command command =
        Command.run(
            venv,
            "setpriv",
            "--reuid=" + user,
            "--regid=" + user,
            "--clear-groups",
            venv + "/bin/python",
            "-c",
            "import threading");
    assumeTrue(
        command.succeeded, () -> "needs a Python that " + user + " may read: " + command.said);
  }

  private static NewestUwsgi once(String name, List<String> candidates) {
    Object made =
        MADE.computeIfAbsent(
            name,
            key -> {
              try {
                return make(key, candidates);
              } catch (TestAbortedException e) {
                return e;
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    if (made instanceof TestAbortedException e) {
      throw e;
    }
    return (NewestUwsgi) made;
  }

  private static NewestUwsgi make(String name, List<String> candidates) throws IOException {
    Path home = Files.createDirectories(CACHE.resolve(name));
    Path venv = home.resolve("venv");
    Path binary = venv.resolve("bin/uwsgi");
    if (!Files.isExecutable(binary)) {
      String python =
          candidates.stream()
              .filter(candidate -> Command.run(home, candidate, "-c", IS_COMPLETE).succeeded)
              .findFirst()
              .orElse("");
      assumeTrue(!python.isEmpty(), () -> "needs a Python that is complete among " + candidates);
      Command.run(home, python, "-m", "venv", venv.toString()).makes("a virtual environment");
      // What pip has kept may have been compiled for another Python of the same version.
      Command.run(home, venv + "/bin/pip", "install", "-q", "--no-cache-dir", "uwsgi")
          .makes("uWSGI from PyPI");
    }
    Path jar = Path.of("../agent/target/uwsgi-sentry.jar").toAbsolutePath().normalize();
    assumeTrue(Files.isRegularFile(jar), "needs the agent's jar: ./run build makes it");
    Path plugins =
        Files.createDirectories(Reaper.ofThisRun().directory().resolve("newest-" + name));
    String source = Path.of("..").toAbsolutePath().normalize().toString();
    Command.run(
            plugins,
            "env",
            "PYTHON=python3",
            "UWSGI_SENTRY_JAR=" + jar,
            binary.toString(),
            "--build-plugin",
            source)
        .makes("the plugin");
    return new NewestUwsgi(venv, plugins);
  }

  /** One that ran to its end, with the last of what it printed. */
  private record Command(boolean succeeded, String said) {
    static Command run(Path directory, String... words) {
      try {
        Path log = Files.createTempFile(directory, "command", ".log");
        Process process =
            new ProcessBuilder(List.of(words))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        boolean ended = process.waitFor(10, TimeUnit.MINUTES);
        if (!ended) {
          process.destroyForcibly();
        }
        String said = new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
        Files.delete(log);
        return new Command(ended && process.exitValue() == 0, said);
      } catch (IOException e) {
        return new Command(false, e.toString());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return new Command(false, e.toString());
      }
    }

    void makes(String what) {
      String end = said.substring(Math.max(0, said.length() - 800));
      assumeTrue(succeeded, () -> "cannot make " + what + ": " + end);
    }
  }
}

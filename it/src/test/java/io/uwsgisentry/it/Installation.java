package io.uwsgisentry.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;

/**
 * What is tested, copied once a run to where a server without root's rights can read it: the plugin
 * with its jar, and the small applications.
 */
record Installation(Path plugins, Path apps) {
  private static final String PROPERTY = "uwsgisentry.plugin";

  private static final Installation OF_THIS_RUN = make();

  static Installation ofThisRun() {
    return OF_THIS_RUN;
  }

  Path plugin() {
    return plugins.resolve("sentry_plugin.so");
  }

  private static Installation make() {
    Path built = Path.of(System.getProperty(PROPERTY, "../build/sentry_plugin.so"));
    if (!Files.isRegularFile(built)) {
      throw new AssertionError(
          "There is no plugin at "
              + built.toAbsolutePath().normalize()
              + ": build it with ./run build, or name it with -D"
              + PROPERTY
              + "=…/sentry_plugin.so");
    }
    Path root = Reaper.ofThisRun().directory();
    // The tests read the outbox too: SQLite's library is to go with the rest.
    System.setProperty("org.sqlite.tmpdir", root.toString());
    try {
      Path plugins = directory(root.resolve("plugins"));
      Path plugin = plugins.resolve("sentry_plugin.so");
      Files.copy(built, plugin, StandardCopyOption.REPLACE_EXISTING);
      Files.setPosixFilePermissions(plugin, PosixFilePermissions.fromString("rw-r--r--"));
      Path apps = directory(root.resolve("apps"));
      Path given = Path.of(Installation.class.getResource("/apps").toURI());
      try (Stream<Path> files = Files.list(given)) {
        for (Path file : files.toList()) {
          Files.copy(file, apps.resolve(file.getFileName()));
        }
      }
      return new Installation(plugins, apps);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static Path directory(Path path) throws IOException {
    Files.createDirectories(path);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    return path;
  }

  /** Whether the machine's own uWSGI has that plugin. */
  static boolean hasPlugin(String name) {
    return Files.exists(Path.of("/usr/lib/uwsgi/plugins", name + "_plugin.so"));
  }

  /** Whether the machine's own Python, which Debian's uWSGI runs, can import that. */
  static boolean hasPython(String module) {
    return succeeds("/usr/bin/python3", "-c", "import " + module);
  }

  /** Whether such a command can be run and ends well. */
  static boolean succeeds(String... command) {
    try {
      return new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}

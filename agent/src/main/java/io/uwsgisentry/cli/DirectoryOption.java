package io.uwsgisentry.cli;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option {@code --dir}, and where to look without it. Nothing here creates anything. */
final class DirectoryOption {
  private static final List<String> OURS =
      List.of("journal", "key", "outbox.db", "agent.lock", "agent.log", "runtime");

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = {
        "The state directory (sentry-dir of the server). Default: the environment's UWSGI_SENTRY_DIR, else"
            + " /var/lib/uwsgi-sentry/UID if it exists, else $XDG_STATE_HOME/uwsgi-sentry, else"
            + " ~/.local/state/uwsgi-sentry."
      })
  @Nullable Path named;

  /**
   * The directory to look at.
   *
   * @throws Unavailable if it is not there or cannot be read
   */
  Path existing(Surroundings surroundings) throws Unavailable {
    Path directory = resolve(surroundings);
    if (!Files.isDirectory(directory)) {
      throw new Unavailable("there is no state directory at " + directory + advice(surroundings));
    }
    if (!Files.isReadable(directory) || !Files.isExecutable(directory)) {
      throw new Unavailable(
          "you may not read "
              + directory
              + ": run this as its owner, for example with sudo -u"
              + owner(directory));
    }
    if (!isOurs(directory)) {
      throw new Unavailable(
          directory
              + " is no state directory: it has files, and none of "
              + String.join(", ", OURS)
              + ". Name the server's sentry-dir");
    }
    return directory;
  }

  /** An empty one is: no server has started with it yet. */
  private static boolean isOurs(Path directory) throws Unavailable {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      return !files.iterator().hasNext()
          || OURS.stream().anyMatch(name -> Files.exists(directory.resolve(name)));
    } catch (IOException e) {
      throw new Unavailable("cannot read " + directory + ": " + e.getMessage());
    }
  }

  /** The directory's path, whether it is there or not. */
  Path resolve(Surroundings surroundings) {
    if (named != null) {
      return named.toAbsolutePath().normalize();
    }
    String set = surroundings.environment().getOrDefault("UWSGI_SENTRY_DIR", "");
    if (!set.isEmpty()) {
      return Path.of(set).toAbsolutePath().normalize();
    }
    Path server = surroundings.system().resolve(Long.toString(surroundings.uid()));
    if (Files.isDirectory(server)) {
      return server;
    }
    String state = surroundings.environment().getOrDefault("XDG_STATE_HOME", "");
    return (state.isEmpty() ? surroundings.home().resolve(".local/state") : Path.of(state))
        .resolve("uwsgi-sentry");
  }

  private String advice(Surroundings surroundings) {
    List<String> others = new ArrayList<>();
    if (named == null) {
      try (DirectoryStream<Path> found = Files.newDirectoryStream(surroundings.system())) {
        found.forEach(path -> others.add(path.toString()));
      } catch (IOException | DirectoryIteratorException e) {
        // Then there is nothing to suggest.
      }
    }
    if (others.isEmpty()) {
      return ": no uWSGI with this plugin has started with it yet, or it uses another one (name it with --dir)";
    }
    others.sort(null);
    return "; name one of these with --dir: " + String.join(", ", others);
  }

  private static String owner(Path directory) {
    try {
      return " " + Files.getOwner(directory).getName();
    } catch (IOException e) {
      return " OWNER";
    }
  }
}

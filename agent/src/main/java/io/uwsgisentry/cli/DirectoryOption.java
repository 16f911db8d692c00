package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
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
            + " $STATE_DIRECTORY/uwsgi-sentry, else /var/lib/uwsgi-sentry/USER if it exists, else"
            + " $XDG_STATE_HOME/uwsgi-sentry, else ~/.local/state/uwsgi-sentry; for root, which has none of these, the"
            + " only one there is."
      })
  @Nullable Path named;

  @Option(
      names = "--user",
      paramLabel = "USER",
      description =
          "The state directory of that user's servers: /var/lib/uwsgi-sentry/USER if it exists, else"
              + " .local/state/uwsgi-sentry in the user's home.")
  @Nullable String user;

  /**
   * The directory to look at.
   *
   * @throws Unavailable if it is not there or cannot be read
   */
  Path existing(Environment surroundings) throws Unavailable {
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
  Path resolve(Environment surroundings) {
    if (named != null) {
      return named.toAbsolutePath().normalize();
    }
    if (user != null) {
      return ofUser(user, surroundings);
    }
    String set = surroundings.environment().getOrDefault("UWSGI_SENTRY_DIR", "");
    if (!set.isEmpty()) {
      return Path.of(set).toAbsolutePath().normalize();
    }
    String unit = surroundings.environment().getOrDefault("STATE_DIRECTORY", "");
    if (unit.startsWith("/")) {
      return Path.of(unit.replaceFirst(":.*", "")).resolve("uwsgi-sentry");
    }
    Account account = Account.of(surroundings.passwd(), surroundings.uid());
    String name = account == null ? Long.toString(surroundings.uid()) : account.name();
    Path server = surroundings.system().resolve(name);
    if (Files.isDirectory(server)) {
      return server;
    }
    String state = surroundings.environment().getOrDefault("XDG_STATE_HOME", "");
    Path own =
        (state.isEmpty() ? surroundings.home().resolve(".local/state") : Path.of(state))
            .resolve("uwsgi-sentry");
    if (surroundings.uid() == 0 && !Files.exists(own)) {
      List<Path> all = ofServers(surroundings);
      return all.size() == 1 ? all.get(0) : own;
    }
    return own;
  }

  private static Path ofUser(String user, Environment surroundings) {
    Path server = surroundings.system().resolve(user);
    Account account = Account.named(surroundings.passwd(), user);
    return account == null || Files.isDirectory(server)
        ? server
        : account.home().resolve(".local/state/uwsgi-sentry");
  }

  /** Those that root's servers made, and those of Debian's unit for one application. */
  private static List<Path> ofServers(Environment surroundings) {
    List<Path> found = new ArrayList<>();
    addAll(found, surroundings.system(), "");
    addAll(found, surroundings.system().resolveSibling("uwsgi"), "uwsgi-sentry");
    found.sort(null);
    return found;
  }

  private static void addAll(List<Path> found, Path parent, String below) {
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(parent)) {
      for (Path directory : directories) {
        Path path = below.isEmpty() ? directory : directory.resolve(below);
        if (Files.isDirectory(path)) {
          found.add(path);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Then there is none.
    }
  }

  private String advice(Environment surroundings) {
    List<String> others =
        named != null ? List.of() : ofServers(surroundings).stream().map(Path::toString).toList();
    if (others.isEmpty()) {
      return ": no uWSGI with this plugin has started with it yet, or it uses another one (name it with --dir)";
    }
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

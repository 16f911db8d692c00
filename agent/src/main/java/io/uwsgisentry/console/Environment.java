package io.uwsgisentry.console;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Map;

/**
 * What a command knows of the process it runs in.
 *
 * @param environment its variables
 * @param uid whose directory it looks at if none is named
 * @param system where the directories of servers lie, {@code /var/lib/uwsgi-sentry}
 * @param home of the user
 * @param passwd the file of the machine's users
 */
public record Environment(
    Map<String, String> environment,
    long uid,
    Path system,
    Path home,
    Path passwd,
    Clock clock,
    ZoneId zone) {

  public static Environment ofThisProcess() {
    try {
      return new Environment(
          System.getenv(),
          ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue(),
          Path.of("/var/lib/uwsgi-sentry"),
          Path.of(System.getProperty("user.home", "/")),
          Path.of("/etc/passwd"),
          Clock.systemUTC(),
          ZoneId.systemDefault());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * How wide a line may be, 0 if that does not matter. The launcher sets COLUMNS if it writes to a
   * terminal.
   */
  public int width() {
    String columns = environment.getOrDefault("COLUMNS", "");
    return columns.matches("[1-9][0-9]{0,3}") ? Integer.parseInt(columns) : 0;
  }
}

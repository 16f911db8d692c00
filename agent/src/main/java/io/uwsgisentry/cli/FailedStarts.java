package io.uwsgisentry.cli;

import io.uwsgisentry.console.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code <dir>/agent.failure}: what the process that starts the agent wrote when that did not come
 * up, lines of {@code name=value}. An agent that serves removes it.
 */
public final class FailedStarts {
  private static final String FILE = "agent.failure";
  private static final int MOST_BYTES = 4096;

  private FailedStarts() {}

  /** What is noted in that state directory, or null. */
  static Status.@Nullable FailedStart in(Path state) {
    Path file = state.resolve(FILE);
    try {
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > MOST_BYTES) {
        return null;
      }
      Map<String, String> values = new HashMap<>();
      for (String line :
          new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n", -1)) {
        int equals = line.indexOf('=');
        if (equals > 0) {
          values.putIfAbsent(line.substring(0, equals), line.substring(equals + 1));
        }
      }
      return new Status.FailedStart(
          Integer.parseInt(values.getOrDefault("failures", "")),
          values.getOrDefault("reason", "it is not known why"),
          Instant.ofEpochSecond(Long.parseLong(values.getOrDefault("next", ""))));
    } catch (IOException | NumberFormatException e) {
      // It was removed while this looked, or another process wrote it.
      return null;
    }
  }

  /** The agent of that state directory serves. */
  public static void forget(Path state) throws IOException {
    Files.deleteIfExists(state.resolve(FILE));
  }
}

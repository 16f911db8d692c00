package io.uwsgisentry.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What the plugin and the agent keep in a directory, seen from outside and never changed. */
record StateDirectory(Path path) {

  /** The JVMs that serve this directory. */
  List<Processes.Running> agents() {
    return Processes.withCommand("java\0", "\0--dir\0" + path + "\0");
  }

  /** The agent's own log, empty if there is none. */
  String agentLog() {
    try {
      Path file = path.resolve("agent.log");
      return Files.exists(file)
          ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
          : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;

import io.uwsgisentry.journal.Record;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import org.awaitility.core.ConditionTimeoutException;

/** What the plugin and the agent keep in a directory, seen from outside and never changed. */
record StateDirectory(Path path) {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  /**
   * Every good record that lies in the journal; with {@code sentry-agent = external} that is all
   * that was ever written.
   */
  List<Record> records() {
    return JournalFiles.read(path);
  }

  /** The records of that handler, as its user wrote it. */
  List<Record> recordsOf(String handler) {
    return records().stream().filter(r -> r.handler().equals(handler)).toList();
  }

  /** Waits for a record and returns the first that fits. */
  Record awaitRecord(String what, Predicate<Record> wanted) {
    return awaitRecords(1, what, wanted).get(0);
  }

  /** Waits for so many records that fit and returns all that do. */
  List<Record> awaitRecords(int n, String what, Predicate<Record> wanted) {
    try {
      return await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(50))
          .until(() -> records().stream().filter(wanted).toList(), found -> found.size() >= n);
    } catch (ConditionTimeoutException e) {
      throw new AssertionError(
          "waited for %d of %s, but the journal holds %s"
              .formatted(n, what, records().stream().map(StateDirectory::brief).toList()),
          e);
    }
  }

  /** The JVMs that serve this directory. */
  List<Processes.Running> agents() {
    return Processes.withCommand("java\0", "\0--dir\0" + path + "\0");
  }

  /** Waits for the one JVM and returns its process id. */
  long awaitAgent() {
    return await("an agent for " + path)
        .atMost(PATIENCE)
        .until(this::agents, found -> found.size() == 1)
        .get(0)
        .pid();
  }

  void awaitNoAgent() {
    await("no agent for " + path).atMost(PATIENCE).until(() -> agents().isEmpty());
  }

  /** The agent's own log, empty if there is none. */
  String agentLog() {
    try {
      Path file = path.resolve("agent.log");
      return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One record in a line, for the message of a failed test. */
  private static String brief(Record r) {
    return "%s by %s %d: %s".formatted(r.kind(), r.process(), r.worker(), r.handler());
  }
}

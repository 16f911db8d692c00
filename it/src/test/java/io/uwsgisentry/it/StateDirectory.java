package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;

import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.journal.RecordReader;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Discarded;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.settings.ConfigWarning;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.awaitility.core.ConditionTimeoutException;

/** What the plugin and the agent keep in a directory, seen from outside and never changed. */
record StateDirectory(Path path) {
  /**
   * Every good record that lies in the journal; with {@code sentry-agent = external} that is all
   * that was ever written.
   */
  List<Record> records() {
    JournalDirectory journal = JournalDirectory.at(path);
    List<Record> records = new ArrayList<>();
    if (!Files.exists(path.resolve("key"))) {
      return records;
    }
    try {
      byte[] key = journal.key();
      for (SealedFile sealed : journal.sealed()) {
        read(sealed.path(), key, records);
      }
      read(journal.live(), key, records);
    } catch (NoSuchFileException e) {
      // The agent has just taken a file away; without one there is nothing that could.
      return records;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return records;
  }

  /** A test that kills no writer finds nothing but records. */
  private static void read(Path file, byte[] key, List<Record> records) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, key, 0);
      while (true) {
        RecordReader.Result result = reader.next();
        if (result instanceof RecordReader.Good good) {
          records.add(good.record());
        } else if (result instanceof RecordReader.End
            || result instanceof RecordReader.Incomplete) {
          return;
        } else {
          throw new AssertionError("in " + file + ": " + result);
        }
      }
    }
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
          .atMost(Patience.SOON)
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
        .atMost(Patience.SOON)
        .until(this::agents, found -> found.size() == 1)
        .get(0)
        .pid();
  }

  void awaitNoAgent() {
    await("no agent for " + path).atMost(Patience.SOON).until(() -> agents().isEmpty());
  }

  /** The newest entries in one of these states; none if there is no outbox yet. */
  List<Entry> entries(State... states) {
    return outbox(o -> o.reader().list(Filter.of(states), 1000), List.of());
  }

  /** Waits until there are so many entries in that state, and returns them. */
  List<Entry> awaitEntries(int n, State state) {
    return await(n + " entries that are " + state)
        .atMost(Patience.SOON)
        .until(() -> entries(state), found -> found.size() >= n);
  }

  /** How much was counted under that name, whatever the reason. */
  long counted(Counter.Name name) {
    return outbox(
        o ->
            o.reader().counters().stream()
                .filter(c -> c.name() == name)
                .mapToLong(Counter::quantity)
                .sum(),
        0L);
  }

  /** What {@code status} says of the servers' options, a line each. */
  List<String> advice() {
    return outbox(
        o ->
            ConfigWarning.current(o.reader().handlers()).stream().map(ConfigWarning::line).toList(),
        List.of());
  }

  /** What servers have not been told of yet as discarded. */
  long unreported() {
    return outbox(
        o -> {
          long sum = 0;
          for (String destination : o.queue().reportsDue()) {
            for (Discarded one : o.queue().unreported(destination, 1000)) {
              sum += one.quantity();
            }
          }
          return sum;
        },
        0L);
  }

  /** How many incidents are counted in windows that are still open. */
  long storms() {
    return outbox(o -> o.reader().storms().occurrences(), 0L);
  }

  /** For how many incidents the entries of that state stand. */
  long occurrences(State state) {
    return outbox(
        o -> {
          Tally tally = o.reader().states().get(state);
          return tally == null ? 0L : tally.occurrences();
        },
        0L);
  }

  /** How often each of the newest entries was tried to be sent, by its event's id. */
  Map<String, Integer> attempts() {
    return outbox(
        o ->
            o.reader().list(Filter.ALL, 10_000).stream()
                .collect(Collectors.toMap(Entry::id, Entry::attempts)),
        Map.of());
  }

  /** What waits and what was counted, for the report of a failed test. */
  String outboxText() {
    return outbox(
        o -> {
          StringBuilder text = new StringBuilder();
          text.append(o.reader().states()).append('\n').append(o.reader().counters()).append('\n');
          for (Entry e :
              o.reader().list(Filter.of(State.READY, State.DEAD, State.UNDELIVERABLE), 20)) {
            text.append(
                "%s %s after %d attempts, not before %s: %s%n"
                    .formatted(e.state(), e.title(), e.attempts(), e.notBefore(), e.lastError()));
          }
          return text.toString();
        },
        "there is none");
  }

  private interface Question<T> {
    T ask(Outbox outbox) throws IOException;
  }

  private <T> T outbox(Question<T> question, T nothing) {
    Path database = path.resolve("outbox.db");
    if (!Files.exists(database)) {
      return nothing;
    }
    try (Outbox outbox = Outbox.openReadOnly(database)) {
      return question.ask(outbox);
    } catch (NoSuchFileException e) {
      return nothing;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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

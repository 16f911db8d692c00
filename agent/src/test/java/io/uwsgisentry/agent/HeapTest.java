package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.storm.Storm;
import io.uwsgisentry.storm.StormWindow;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What there is much of and is large is not in memory at once: with the heap of a real agent. */
@Tag("process")
class HeapTest {
  private static final int WINDOWS = 200;

  @TempDir Path temporary;
  private Path state;
  private final List<Path> cleanup = new ArrayList<>();

  @BeforeEach
  void directory() throws Exception {
    state = Files.createDirectory(temporary.resolve("state"));
    new Journal(state);
  }

  @AfterEach
  void remove() throws Exception {
    for (Path path : cleanup) {
      Files.deleteIfExists(path);
    }
  }

  @Test
  void manyWindowsOfLargeEventsEndOneAfterTheOther() throws Exception {
    windows(Instant.now().minusSeconds(3600));
    assertThatAllAreTold();
  }

  @Test
  void manyOpenWindowsOfLargeEventsAreToldOfAtTheAgentsEnd() throws Exception {
    windows(Instant.now());
    assertThatAllAreTold();
  }

  @ParameterizedTest
  @CsvSource({"600", "300"})
  void recordsThatMakeEventsManyTimesTheirSizeAreTakenBitByBit(int faults) throws Exception {
    // A short path: of its frames, the name of the file is most of what a record holds.
    Path directory = Path.of("/tmp/h" + ProcessHandle.current().pid() + faults);
    Path source = Files.createDirectory(directory).resolve("v.py");
    cleanup.add(source);
    cleanup.add(directory);
    Files.writeString(source, ("x = ask(" + "'why', ".repeat(23) + ")\n").repeat(100));
    Files.setLastModifiedTime(source, FileTime.from(Journal.time(0)));
    Journal journal = new Journal(state);
    for (int i = 0; i < 600; i++) {
      journal.append(deepException(i, source, i % faults));
    }
    try (AgentProcess agent = AgentProcess.start(state, "--drain-only")) {
      assertThat(agent.exitCode()).as(agent.output()).isZero();
    }
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      assertThat(outbox.reader().list(Filter.ALL, 1_000)).hasSize(600);
      assertThat(Files.size(state.resolve("outbox.db"))).isGreaterThan(600 * (150L << 10));
    }
  }

  @ParameterizedTest
  @CsvSource({"64, 8, 180000", "8, 10, 900000"})
  void largeEventsForManyDestinationsAreInMemoryAFewAtATime(int destinations, int each, int bytes)
      throws Exception {
    Behaviour slow = Behaviour.delayed(Duration.ofMillis(300));
    try (Receiver receiver = Receiver.with().keep(Receiver.Keep.IDS).behaviour(slow).start()) {
      store(receiver, destinations, each, bytes);
      try (AgentProcess agent = AgentProcess.start(state)) {
        await()
            .atMost(Patience.LONG)
            .until(
                () ->
                    receiver.counts().distinct() == (long) destinations * each || !agent.isAlive());
        assertThat(agent.isAlive()).as(agent.output()).isTrue();
      }
    }
  }

  private void store(Receiver receiver, int destinations, int each, int bytes) throws Exception {
    String pad = "x".repeat(bytes);
    try (Outbox outbox = Outbox.open(state.resolve("outbox.db"))) {
      for (int number = 0; number < destinations * each; number++) {
        String id = "%032x".formatted(number + 1);
        byte[] json =
            ("{\"event_id\":\"" + id + "\",\"extra\":{\"pad\":\"" + pad + "\"}}")
                .getBytes(StandardCharsets.UTF_8);
        Batch batch = new Batch();
        batch.summary(
            new Event(id, Instant.now(), Event.ERROR, "error", "t", json),
            number,
            number,
            1,
            new Destination.To(
                Dsn.parse(receiver.dsn(String.valueOf(number % destinations + 1))),
                true,
                Patience.SOON,
                false),
            0);
        outbox.intake().store(batch);
      }
    }
  }

  private static Record deepException(int number, Path source, long fault) {
    List<String> fields = new ArrayList<>();
    fields.addAll(List.of("instance", Journal.INSTANCE, "handler", Journal.HANDLER));
    fields.addAll(List.of("options", "", "default", "server\0" + Journal.SERVER));
    fields.addAll(List.of("default", "fold\0001", "python.exception", "\0shop\0E\0"));
    for (int f = 0; f < 80; f++) {
      fields.addAll(List.of("python.frame", source + "\0" + (10 + f) + "\0f\0v"));
    }
    return Journal.record(
        number, Kind.EXCEPTION.code(), false, fault, fields.toArray(String[]::new));
  }

  private void assertThatAllAreTold() throws Exception {
    try (AgentProcess agent = AgentProcess.start(state, "--drain-only")) {
      assertThat(agent.exitCode()).as(agent.output()).isZero();
    }
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      assertThat(outbox.reader().list(Filter.ALL, 1_000)).hasSize(WINDOWS);
      assertThat(outbox.reader().storms().occurrences()).isZero();
    }
  }

  private void windows(Instant when) throws Exception {
    long opened = when.getEpochSecond() * 1_000_000;
    try (Outbox outbox = Outbox.open(state.resolve("outbox.db"))) {
      for (int i = 1; i <= WINDOWS; i++) {
        Event like = new Event("", when, Event.ERROR, "error", "t" + i, large(150 << 10));
        Batch batch = new Batch();
        batch.window(
            new Storm(
                new Storm.Key("handler 1", i),
                new StormWindow(opened, 5, 20, opened + 1, opened + 2),
                Kind.EXCEPTION.code(),
                1,
                null,
                like));
        outbox.intake().store(batch);
      }
    }
  }

  /** An event as deep stacks make them: frames with source lines and variables. */
  private static byte[] large(int bytes) {
    StringBuilder json =
        new StringBuilder(
            "{\"level\":\"error\",\"exception\":{\"values\":[{\"type\":\"E\",\"stacktrace\":{\"frames\":[");
    for (int f = 0; json.length() < bytes; f++) {
      json.append(f == 0 ? "" : ",")
          .append("{\"filename\":\"app/views/module")
          .append(f)
          .append(".py\",\"lineno\":7,\"context_line\":\"return self.render(context)\"")
          .append(",\"pre_context\":[\"a = 1\",\"b = some_function(a)\",\"c = 3\",\"d = 4\"]")
          .append(",\"post_context\":[\"e = 5\",\"f = 6\",\"g = 7\",\"h = 8\",\"i = 9\"]")
          .append(",\"vars\":{\"self\":\"<View>\",\"context\":\"{'a': 1, 'b': 2}\"}}");
    }
    return json.append("]}}]}}").toString().getBytes(StandardCharsets.UTF_8);
  }
}

package io.uwsgisentry.outbox;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** An outbox in a directory of its own, at a time of the test's choice, and events to store. */
abstract class OutboxScene {
  static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  static final Handler SHOP_ALARM =
      new Handler(
          Handler.hash("", "shop", "alarm seen"),
          "shop",
          "alarm seen",
          "level=error",
          Map.of("host", "web1", "empty", ""));

  @TempDir Path directory;
  Path db;
  Outbox outbox;
  Instant now = NOW;

  final Clock clock =
      new Clock() {
        @Override
        public Instant instant() {
          return now;
        }

        @Override
        public ZoneOffset getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(java.time.ZoneId zone) {
          throw new UnsupportedOperationException();
        }
      };

  @BeforeEach
  void open() throws IOException {
    db = directory.resolve("outbox.db");
    outbox = Outbox.open(db, clock);
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  void reopen() throws IOException {
    outbox.close();
    open();
  }

  void reopen(Bounds bounds) throws IOException {
    outbox.close();
    outbox = Outbox.open(db, clock, bounds);
  }

  static String id(int number) {
    return String.format("%032x", number);
  }

  static Destination.To to(String host) {
    return new Destination.To(
        new Dsn("https", host, -1, "", "key", "secret", "1"), true, Duration.ofSeconds(4), false);
  }

  static Record record(int number) {
    return new Record(
        id(number),
        Kind.ALARM.code(),
        ProcessKind.MASTER,
        false,
        false,
        0,
        1,
        0,
        -1,
        SHOP_ALARM.hash(),
        77,
        new Fields(List.of()));
  }

  static Event event(int number) {
    return event(number, "{\"n\":" + number + "}");
  }

  static Event event(int number, String payload) {
    return new Event(
        id(number),
        NOW.plusNanos(number * 1_000L),
        "error",
        "error",
        "Title " + number,
        payload.getBytes(StandardCharsets.UTF_8));
  }

  IntakeStore.Stored store(Destination destination, int... numbers) throws IOException {
    Batch batch = new Batch("sealed-1", 100);
    batch.handler(SHOP_ALARM);
    for (int number : numbers) {
      batch.event(event(number), record(number), destination);
    }
    return outbox.intake().store(batch);
  }

  List<String> ready(String host) throws IOException {
    return outbox.queue().ready(to(host).key(), now, 100, Long.MAX_VALUE, Set.of()).stream()
        .map(Entry::id)
        .toList();
  }

  Map<String, Long> counted(Counter.Name name) throws IOException {
    return outbox.reader().counters().stream()
        .filter(counter -> counter.name() == name)
        .collect(
            java.util.stream.Collectors.toMap(
                counter -> counter.reason() + "/" + counter.subject(), Counter::quantity));
  }
}

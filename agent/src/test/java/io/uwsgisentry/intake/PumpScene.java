package io.uwsgisentry.intake;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Keys;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Footprint;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.testkit.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A journal, a pump and an outbox at a time of the test's choice. */
final class PumpScene implements AutoCloseable {
  static final String DSN = "https://key@sentry.example/1";

  private final Path state;
  private final Journal journal;
  private final JournalDirectory held;
  private final SetClock clock = new SetClock(Journal.time(0));
  private final AtomicInteger woken = new AtomicInteger();
  private final List<String> log = new ArrayList<>();
  private final @Nullable Footprint footprint;
  private Outbox outbox;
  private JournalPump pump;

  PumpScene(Path state) throws IOException {
    this(state, null);
  }

  /** With what the outbox may have, if not all that it wants. */
  PumpScene(Path state, @Nullable Footprint footprint) throws IOException {
    this.state = state;
    this.footprint = footprint;
    journal = new Journal(state);
    held = JournalDirectory.hold(state);
    outbox = open();
    pump = anotherPump();
  }

  private Outbox open() throws IOException {
    Path file = state.resolve("outbox.db");
    return footprint == null ? Outbox.open(file, clock) : Outbox.open(file, clock, footprint);
  }

  /** Of another agent, on the same journal and outbox. */
  JournalPump anotherPump() throws IOException {
    return new JournalPump(
        held,
        new Keys(journal.directory.key()),
        Standing.assumed(),
        outbox,
        new EventFactory(new Scrubber(), "test"),
        woken::incrementAndGet,
        Log.to(log::add),
        clock,
        () -> ChronoUnit.NANOS.between(Instant.EPOCH, clock.instant()));
  }

  /** A SIGKILL between two transactions, and the next agent. */
  void killAndStart() throws IOException {
    outbox.close();
    outbox = open();
    pump = anotherPump();
  }

  void append(Record record) throws IOException {
    journal.append(record);
  }

  void appendBytes(byte[] bytes) throws IOException {
    journal.appendBytes(bytes);
  }

  byte[] bytes(Record record) throws IOException {
    return journal.bytes(record);
  }

  byte[] bytes(Record record, int version) throws IOException {
    return journal.bytes(record, version);
  }

  JournalDirectory directory() {
    return journal.directory;
  }

  Outbox outbox() {
    return outbox;
  }

  SetClock clock() {
    return clock;
  }

  /** Lines of the agent's log. */
  List<String> log() {
    return log;
  }

  /** How often delivery was woken, once a transaction. */
  AtomicInteger woken() {
    return woken;
  }

  boolean pass() throws Exception {
    return pump.pass();
  }

  void finish() throws Exception {
    pump.finish();
  }

  void flushStorms() throws Exception {
    pump.flushStorms();
  }

  void later(Duration time) throws Exception {
    clock.advance(time);
    pump.pass();
  }

  /** The clock goes beyond the end of every window that is open. */
  void afterTheWindow() throws Exception {
    later(Duration.ofSeconds(63));
  }

  List<Entry> entries(State... states) throws IOException {
    return outbox.reader().list(states.length == 0 ? Filter.ALL : Filter.of(states), 1_000_000);
  }

  /** For how many occurrences all entries stand. */
  long told() throws IOException {
    return entries().stream().mapToLong(Entry::occurrences).sum();
  }

  long counted(Counter.Name name) throws IOException {
    return outbox.reader().counters().stream()
        .filter(counter -> counter.name() == name)
        .mapToLong(Counter::quantity)
        .sum();
  }

  Entry entry(String id) throws IOException {
    return outbox.reader().find(id, 1).get(0);
  }

  Map<String, Object> payload(Entry entry) throws IOException {
    return Json.object(new String(entry(entry.id()).payload(), StandardCharsets.UTF_8));
  }

  /** The event's extra fields, none if it has none. */
  Map<?, ?> extra(Entry entry) throws IOException {
    return payload(entry).get("extra") instanceof Map<?, ?> extra ? extra : Map.of();
  }

  /** As another program on the same database. */
  void sql(String statement) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + state.resolve("outbox.db"));
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }

  /** No event can be stored from now on. */
  void failStores() throws SQLException {
    sql("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'full'); END");
  }

  void mendStores() throws SQLException {
    sql("DROP TRIGGER full");
  }

  @Override
  public void close() throws IOException {
    outbox.close();
    held.close();
  }
}

package io.uwsgisentry.delivery;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.MalformedDsnException;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A real outbox and a delivery on it, with events to send. */
final class Rig implements AutoCloseable {
  /** Quick enough for tests that wait for several backoffs. */
  static final RetryPolicy QUICK =
      new RetryPolicy(Duration.ofMillis(20), Duration.ofMillis(100), Duration.ofMillis(5), 8);

  final Path db;
  final Outbox outbox;
  final ConcurrentLinkedQueue<String> log = new ConcurrentLinkedQueue<>();
  final Delivery delivery;
  private int stored;

  Rig(Path directory) throws IOException {
    this(directory, QUICK, Clock.systemUTC());
  }

  Rig(Path directory, RetryPolicy policy, Clock clock) throws IOException {
    this(directory, policy, clock, Delivery.MAX_REQUESTS);
  }

  Rig(Path directory, RetryPolicy policy, Clock clock, int maxRequests) throws IOException {
    db = Files.createDirectories(directory).resolve("outbox.db");
    outbox = Outbox.open(db, clock);
    delivery = new Delivery(outbox, clock, Log.to(log::add), policy, maxRequests);
  }

  static Destination.To to(String dsn) {
    return to(dsn, Patience.SOON);
  }

  static Destination.To to(String dsn, Duration timeout) {
    try {
      return new Destination.To(Dsn.parse(dsn), true, timeout, false);
    } catch (MalformedDsnException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static String id(long n) {
    return "%032x".formatted(n);
  }

  static Event event(long n) {
    return event(n, "{\"event_id\":\"" + id(n) + "\",\"level\":\"error\"}");
  }

  static Event event(long n, String json) {
    return new Event(
        id(n), Instant.now(), "error", "error", "test", json.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Stores {@code n} new events for that destination; their ids count up from 1 over the life of
   * the rig.
   */
  List<String> store(int n, Destination.To to) throws IOException {
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      events.add(event(++stored));
    }
    return store(events, to);
  }

  List<String> store(List<Event> events, Destination.To to) throws IOException {
    Batch batch = new Batch("sealed-test", ++stored);
    for (Event event : events) {
      batch.event(
          event,
          new Record(
              event.id(),
              1,
              ProcessKind.WORKER,
              false,
              false,
              0,
              1,
              1,
              -1,
              1,
              1,
              new Fields(List.of())),
          to);
    }
    outbox.intake().store(batch);
    delivery.wake();
    return events.stream().map(Event::id).toList();
  }

  long count(State state) {
    try {
      Map<State, Tally> states = outbox.reader().states();
      return states.containsKey(state) ? states.get(state).entries() : 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Entry entry(String id) {
    try {
      return outbox.reader().find(id, 1).get(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<Entry> entries() throws IOException {
    return outbox.reader().list(Filter.ALL, 1000);
  }

  @Override
  public void close() throws IOException {
    delivery.close();
    outbox.close();
  }
}

package io.uwsgisentry.bench;

import io.uwsgisentry.delivery.Delivery;
import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.event.UnbuildableRecordException;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.journal.RecordReader;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A process of its own, with the agent's limits: takes the journal of a state directory through the
 * agent's steps one after the other, and prints what each took for one record. The first quarter is
 * warm-up and not counted.
 */
final class Steps {
  private static final int BATCH = 200;

  private Steps() {}

  /** Arguments: state directory, number of records in its journal. */
  public static void main(String[] arguments) throws Exception {
    Path state = Path.of(arguments[0]);
    int records = Integer.parseInt(arguments[1]);
    JournalDirectory journal = JournalDirectory.at(state);
    SealedFile file = journal.seal().orElseThrow();
    EventFactory factory = new EventFactory(new Scrubber(), "bench");
    try (Outbox outbox = Outbox.open(state.resolve("outbox.db"));
        FileChannel channel = file.open()) {
      take(records, new RecordReader(channel, journal.key(), 0), factory, outbox, file.name());
      send(records, outbox);
    }
  }

  private static void take(
      int records, RecordReader reader, EventFactory factory, Outbox outbox, String name)
      throws IOException, UnbuildableRecordException {
    outbox.intake().begin(name);
    long read = 0;
    long build = 0;
    long store = 0;
    int counted = 0;
    for (int at = 0; at < records; at += BATCH) {
      long start = System.nanoTime();
      List<Record> batch = new ArrayList<>(BATCH);
      long end = 0;
      for (int i = 0; i < BATCH; i++) {
        RecordReader.Good good = (RecordReader.Good) reader.next();
        batch.add(good.record());
        end = good.end();
      }
      long afterRead = System.nanoTime();
      List<HandlerSettings> settings = new ArrayList<>(BATCH);
      List<Event> events = new ArrayList<>(BATCH);
      for (Record record : batch) {
        HandlerSettings own = HandlerSettings.of(record);
        settings.add(own);
        events.add(factory.build(record, own));
      }
      long afterBuild = System.nanoTime();
      Batch stored = new Batch(name, end);
      for (int i = 0; i < BATCH; i++) {
        stored.event(events.get(i), batch.get(i), settings.get(i).destination());
      }
      outbox.intake().store(stored);
      long afterStore = System.nanoTime();
      if (at >= records / 4) {
        counted += BATCH;
        read += afterRead - start;
        build += afterBuild - afterRead;
        store += afterStore - afterBuild;
      }
    }
    print("read", read, counted);
    print("build", build, counted);
    print("store", store, counted);
  }

  private static void send(int records, Outbox outbox) throws IOException {
    try (Delivery delivery = new Delivery(outbox, Clock.systemUTC(), Log.to(System.err::println))) {
      long start = System.nanoTime();
      long processor = processorNanos();
      delivery.start();
      while (!outbox.queue().destinationsReady(Instant.now()).isEmpty()) {
        Scratch.pause(java.time.Duration.ofMillis(10));
      }
      print("send", System.nanoTime() - start, records);
      print("send.processor", processorNanos() - processor, records);
    }
  }

  private static long processorNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private static void print(String step, long nanos, int records) {
    System.out.printf(Locale.ROOT, "%s %.1f%n", step, nanos / 1000.0 / records);
  }
}

package io.uwsgisentry.bench;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.event.UnbuildableRecordException;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;

/** After a long outage: many events wait in the outbox, and the server is back. */
final class Recovery {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final int A_TRANSACTION = 500;

  private final AgentAlone agent;
  private final Report report;
  private final int waiting;

  Recovery(AgentAlone agent, Report report, int waiting) {
    this.agent = agent;
    this.report = report;
    this.waiting = waiting;
  }

  void run(Scratch scratch, Path state) throws IOException, InterruptedException {
    System.err.println("(r) recovery");
    Path db = state.resolve("outbox.db");
    Files.deleteIfExists(db);
    try (Receiver back = Receiver.with().keep(Receiver.Keep.COUNTS).start()) {
      long json = fill(db, back.dsn());
      report.row(
          "disk bytes an event that waits, %s of them, JSON of %s bytes"
              .formatted(Figures.whole(waiting), Figures.whole((double) json / waiting)),
          Figures.whole((double) Files.size(db) / waiting));
      long start = System.nanoTime();
      Process master = agent.launch(scratch, state);
      back.awaitEvents(1, LONG);
      report.row(
          "agent start to the first delivery with them, ms",
          Figures.whole((System.nanoTime() - start) / 1e6));
      back.awaitEvents(waiting, LONG);
      double seconds = (System.nanoTime() - start) / 1e9;
      report.row("agent start to the last of them delivered, s", Figures.one(seconds));
      report.row(
          "resident memory meanwhile, most, MiB",
          Figures.one(Proc.mebibytes(AgentAlone.agent(state), "VmHWM")),
          "80");
      Scratch.await("the history to be compressed", LONG, () -> settled(db));
      AgentAlone.end(master, state);
    }
    Tally history = delivered(db);
    report.row(
        "disk bytes an event of the history, %s of them"
            .formatted(Figures.whole(history.entries())),
        Figures.whole((double) Files.size(db) / Math.max(1, history.entries())));
  }

  /** Returns the bytes of JSON. */
  private long fill(Path db, String dsn) throws IOException {
    EventFactory factory = new EventFactory(new Scrubber(), "bench");
    Samples samples = new Samples(dsn);
    Bounds large = Bounds.of(Map.of(InstanceOption.OUTBOX_MAX, "4g"));
    long bytes = 0;
    try (Outbox outbox = Outbox.open(db, Clock.systemUTC(), large)) {
      for (int stored = 0; stored < waiting; stored += A_TRANSACTION) {
        Batch batch = new Batch("sealed-bench", stored);
        for (int i = 0; i < A_TRANSACTION; i++) {
          Record record = samples.next();
          HandlerSettings settings = HandlerSettings.of(record);
          Event event = factory.build(record, settings);
          bytes += event.payload().length;
          batch.event(event, record, settings.destination());
        }
        outbox.intake().store(batch);
      }
    } catch (UnbuildableRecordException e) {
      throw new IOException(e);
    }
    return bytes;
  }

  /**
   * Whether the agent's round of every minute is through: nothing large is left, nothing changes.
   */
  private static boolean settled(Path db) {
    try {
      Tally before = delivered(db);
      if (before.bytes() > 50L << 20) {
        return false;
      }
      Scratch.pause(Duration.ofSeconds(65));
      return delivered(db).equals(before);
    } catch (IOException e) {
      return false;
    }
  }

  private static Tally delivered(Path db) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(db)) {
      return outbox.reader().states().getOrDefault(State.DELIVERED, new Tally(0, 0, 0));
    }
  }
}

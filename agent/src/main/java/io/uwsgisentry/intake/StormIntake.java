package io.uwsgisentry.intake;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.event.RequestLine;
import io.uwsgisentry.event.UnbuildableRecordException;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.storm.Sampling;
import io.uwsgisentry.storm.Storm;
import io.uwsgisentry.storm.StormWindow;
import io.uwsgisentry.storm.StormWindow.Varied;
import java.io.IOException;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of the records of one batch that tell of faults, whole and brief ones: left out by
 * the sample rate, an event of its own, or counted in the window of its fault.
 *
 * <p>No event is made of what is only counted, but for the last whole record of each window: of
 * that the summary will be made, so its event is kept with the window. Brief records are always
 * counted: they have nothing to make an event of.
 */
final class StormIntake {
  /** Takes records of which no event can be made. */
  interface Unbuildable {
    void keep(Record record, Finding finding, String fault) throws IOException;
  }

  /** The last that was seen of a fault in this batch. */
  private static final class Latest {
    final int kind;
    final long handlerHash;
    final Destination destination;
    @Nullable Record record;
    @Nullable Finding finding;
    @Nullable HandlerSettings settings;
    @Nullable Event passed;

    Latest(Record record, Destination destination, @Nullable Latest before) {
      this.kind = record.kindCode();
      this.handlerHash = record.handlerHash();
      this.destination = destination;
      if (before != null) {
        this.record = before.record;
        this.finding = before.finding;
        this.settings = before.settings;
        this.passed = before.passed;
      }
    }

    long bytesToCome() {
      return finding == null ? 0 : EVENT_OF_RECORD * finding.bytes();
    }
  }

  /**
   * @param instance empty where no record has told of the handler yet
   */
  private record Known(String instance, HandlerSettings settings) {
    static Known of(@Nullable Handler handler) {
      return new Known(handler == null ? "" : handler.instance(), StormSummaries.settings(handler));
    }
  }

  // Of the bytes of its record, at most about so many times are made an event; what more there are
  // is seen when it has been made.
  private static final int EVENT_OF_RECORD = 32;

  private final Outbox outbox;
  private final EventFactory factory;
  private final Batch batch;
  private final Unbuildable unbuildable;
  private final StormSummaries summaries;
  // What this batch touches; nothing of it is true before the batch is stored.
  private final Map<Storm.Key, StormWindow> windows = new LinkedHashMap<>();
  private final Map<Storm.Key, Latest> latest = new HashMap<>();
  private long bytesToCome;
  // For brief records, which name their handler by its hash alone.
  private final Map<Long, Handler> told = new HashMap<>();
  private final Map<Long, Known> handlers = new HashMap<>();

  StormIntake(
      Outbox outbox,
      EventFactory factory,
      Batch batch,
      Unbuildable unbuildable,
      Consumer<String> remarks) {
    this.outbox = outbox;
    this.factory = factory;
    this.batch = batch;
    this.unbuildable = unbuildable;
    this.summaries = new StormSummaries(outbox, factory, remarks);
  }

  /** What a record of this batch told of a handler. */
  void handler(Handler handler) {
    told.put(handler.hash(), handler);
    handlers.remove(handler.hash());
  }

  private Known known(long hash) throws IOException {
    Known known = handlers.get(hash);
    if (known == null) {
      Handler handler = told.get(hash);
      known = Known.of(handler == null ? outbox.intake().handler(hash).orElse(null) : handler);
      handlers.put(hash, known);
    }
    return known;
  }

  /** A record with all its fields. */
  void whole(Record record, Finding finding) throws IOException {
    if (!factory.takes(record.kind())) {
      unbuildable.keep(
          record, finding, "nothing is reported for records of kind " + record.kindCode());
      return;
    }
    HandlerSettings settings;
    Destination destination;
    try {
      settings = HandlerSettings.of(record);
      destination = settings.destination();
    } catch (RuntimeException | StackOverflowError e) {
      unbuildable.keep(record, finding, "its settings cannot be read: " + e);
      return;
    }
    if (isIgnored(record, settings) || sampledOut(record, settings, destination)) {
      return;
    }
    long passes = StormWindow.passes(record.kind(), settings.fold(StormWindow.USUAL));
    Storm.Key key = Storm.Key.of(destination, record.handlerHash(), record.foldKey());
    if (passes == Long.MAX_VALUE
        || window(key, record.timeMicros())
            .admit(record.timeMicros(), passes, () -> varied(record, settings))) {
      Event event = build(record, finding, settings);
      if (passes != Long.MAX_VALUE) {
        Latest last = new Latest(record, destination, latest.get(key));
        last.passed = event;
        latest.put(key, last);
      }
      if (event != null) {
        batch.event(event, record, destination, settings.maxEventsPerMinute());
      }
      return;
    }
    Latest last = new Latest(record, destination, null);
    last.record = record;
    last.finding = finding;
    last.settings = settings;
    Latest before = latest.put(key, last);
    bytesToCome += last.bytesToCome() - (before == null ? 0 : before.bytesToCome());
    counted(record, record.instance());
  }

  /** A record of which there is only the head, and maybe for how many it stands. */
  void brief(Record record) throws IOException {
    long times = record.occurrences();
    Known known = known(record.handlerHash());
    String instance = known.instance();
    HandlerSettings settings = known.settings();
    Destination destination = settings.destination();
    if (sampledOut(record, settings, destination)) {
      return;
    }
    Storm.Key key = Storm.Key.of(destination, record.handlerHash(), record.foldKey());
    window(key, record.timeMicros())
        .count(record.timeMicros(), times, varied(record, instance, settings));
    latest.put(key, new Latest(record, destination, latest.get(key)));
    counted(record, instance);
    batch.count(Counter.Name.BRIEF, "", instance, times);
  }

  /** About how large the events will be that {@link #finish} makes. */
  long bytesToCome() {
    return bytesToCome;
  }

  private void counted(Record record, String instance) {
    batch.consumed(record.id());
    batch.count(Counter.Name.FOLDED, "", instance, record.occurrences());
  }

  /** Of brief records it is not known what they are: they count. */
  private boolean isIgnored(Record record, HandlerSettings settings) throws IOException {
    @Nullable String why;
    try {
      why = factory.ignored(record, settings);
    } catch (RuntimeException | StackOverflowError e) {
      // Whoever makes the event meets it again, and says so.
      return false;
    }
    if (why == null) {
      return false;
    }
    batch.consumed(record.id());
    batch.count(Counter.Name.IGNORED, why, record.instance(), record.occurrences());
    return true;
  }

  private boolean sampledOut(Record record, HandlerSettings settings, Destination destination) {
    if (Sampling.keeps(record.id(), settings.sampleRate())) {
      return false;
    }
    batch.consumed(record.id());
    batch.discarded(destination, DiscardReason.SAMPLE_RATE, Event.ERROR, record.occurrences());
    return true;
  }

  private @Nullable Event build(Record record, Finding finding, HandlerSettings settings)
      throws IOException {
    try {
      return factory.build(record, settings);
    } catch (UnbuildableRecordException e) {
      unbuildable.keep(record, finding, String.valueOf(e.getMessage()));
    } catch (RuntimeException | StackOverflowError e) {
      unbuildable.keep(record, finding, "building the event failed: " + e);
    }
    return null;
  }

  private static Map<Varied, String> varied(Record record, HandlerSettings settings) {
    Map<Varied, String> values = varied(record, record.instance(), settings);
    String line = RequestLine.of(record);
    if (line != null) {
      values.put(Varied.URL, line);
    }
    return values;
  }

  private static Map<Varied, String> varied(
      Record record, String instance, HandlerSettings settings) {
    Map<Varied, String> values = new EnumMap<>(Varied.class);
    boolean worker =
        record.process() != ProcessKind.MULE && record.process() != ProcessKind.UNKNOWN;
    if (worker && record.worker() > 0) {
      values.put(Varied.WORKER, Integer.toString(record.worker()));
    }
    if (!instance.isEmpty()) {
      values.put(Varied.INSTANCE, instance);
    }
    String host = settings.serverName();
    if (host != null) {
      values.put(Varied.HOST, host);
    }
    return values;
  }

  /** The fault's window at that time: the one of this batch, else of the outbox, else a new one. */
  private StormWindow window(Storm.Key key, long micros) throws IOException {
    StormWindow window = windows.get(key);
    if (window == null) {
      window = outbox.intake().window(key).orElse(null);
    }
    if (window != null && window.endsBefore(micros)) {
      close(key, window);
      window = null;
    }
    if (window == null) {
      window = new StormWindow(micros);
    }
    windows.put(key, window);
    return window;
  }

  /** Adds the summary of a window that ended to the batch. */
  private void close(Storm.Key key, StormWindow window) throws IOException {
    Latest last = latest.get(key);
    Storm storm = storm(key, window);
    if (storm == null || last == null) {
      // Nothing of this batch was in it.
      storm = outbox.intake().storm(key).orElseThrow();
    } else if (storm.template() == null) {
      Event template =
          last.passed != null
              ? last.passed
              : outbox.intake().storm(key).map(Storm::template).orElse(null);
      storm = new Storm(key, window, storm.kind(), storm.handlerHash(), storm.to(), template);
    }
    summaries.add(batch, storm, known(storm.handlerHash()).settings());
    batch.closed(key);
    Latest over = latest.remove(key);
    bytesToCome -= over == null ? 0 : over.bytesToCome();
  }

  /** The windows as they are after the last record, for the batch. */
  void finish() throws IOException {
    for (Map.Entry<Storm.Key, StormWindow> touched : windows.entrySet()) {
      Storm storm = storm(touched.getKey(), touched.getValue());
      if (storm != null) {
        batch.window(storm);
      }
    }
  }

  private @Nullable Storm storm(Storm.Key key, StormWindow window) throws IOException {
    Latest last = latest.get(key);
    if (last == null) {
      return null;
    }
    Event template = null;
    if (last.record != null && last.finding != null && last.settings != null) {
      template = build(last.record, last.finding, last.settings);
      if (template == null) {
        // It is kept as it is, under its own id.
        window.uncount();
      }
    }
    Destination.To to = last.destination instanceof Destination.To usable ? usable : null;
    return new Storm(key, window, last.kind, last.handlerHash, to, template);
  }
}

package io.uwsgisentry.intake;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.settings.ConfigWarning;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes a {@link Batch} of what was found in a stretch of a journal file. One instance a batch.
 *
 * <p>A batch ends before its time when its events have become large: a record of some kilobytes can
 * make an event a hundred times as large, of the source lines around each frame.
 *
 * <p>Every record ends up in exactly one place: as an event of its own, as one of the occurrences
 * that a window counts or as one that was left out ({@link StormIntake}), as raw bytes in a dead
 * entry, in the handlers or counters that it tells of, or as a duplicate.
 */
final class BatchAssembly {
  /** Gives the bytes of a record again. */
  interface Raw {
    byte[] bytes(long offset, long end) throws IOException;
  }

  private final Outbox outbox;
  private final Raw raw;
  private final Batch batch;
  private final StormIntake storms;
  private final List<String> remarks = new ArrayList<>();
  private final List<ConfigWarning> advice = new ArrayList<>();
  private boolean configured;

  BatchAssembly(Outbox outbox, EventFactory factory, Raw raw, String file) {
    this.outbox = outbox;
    this.raw = raw;
    this.batch = new Batch(file);
    this.storms = new StormIntake(outbox, factory, batch, this::unbuildable, remarks::add);
  }

  /**
   * Takes as many findings as one batch should have, from the first on.
   *
   * @param findings at least one
   * @return how many it took
   */
  int assemble(List<Finding> findings) throws IOException {
    int done = 0;
    Set<String> taken = outbox.intake().known(ids(findings));
    for (Finding finding : findings) {
      Record record = finding.record();
      if (finding.strangers() > 0) {
        batch.count(Counter.Name.OTHER_KEY, "", "", finding.strangers());
        remarks.add(
            finding.strangers()
                + " records at "
                + finding.offset()
                + " were made with another key: they cannot be read, and the file is kept");
      } else if (record == null) {
        batch.count(Counter.Name.TORN, "", "", 1);
        batch.count(Counter.Name.SKIPPED_BYTES, "", "", finding.bytes());
        remarks.add(finding.bytes() + " bytes at " + finding.offset() + " are no record: skipped");
      } else if (!taken.add(record.id())) {
        batch.count(Counter.Name.DUPLICATE, "", "", 1);
      } else {
        take(record, finding);
      }
      batch.reached(finding.end());
      done++;
      if (batch.bytes() + storms.bytesToCome() >= outbox.intake().bytesAtOnce()) {
        break;
      }
    }
    storms.finish();
    return done;
  }

  Batch batch() {
    return batch;
  }

  /** What an operator should know of the batch, one line each. */
  List<String> remarks() {
    return remarks;
  }

  /** What the configurations that the batch told of should be mended in. */
  List<ConfigWarning> advice() {
    return advice;
  }

  /** Whether a record told of an instance's whole configuration. */
  boolean configured() {
    return configured;
  }

  private static Set<String> ids(List<Finding> findings) {
    Set<String> ids = new HashSet<>();
    for (Finding finding : findings) {
      if (finding.record() != null) {
        ids.add(finding.record().id());
      }
    }
    return ids;
  }

  private void take(Record record, Finding finding) throws IOException {
    if (finding.fault() != null) {
      unbuildable(record, finding, finding.fault());
    } else if (record.brief()) {
      storms.brief(record);
    } else if (record.kind() == Kind.CONFIGURATION) {
      configuration(record);
    } else if (record.kind() == Kind.DROPS) {
      drops(record);
    } else {
      event(record, finding);
    }
  }

  private void event(Record record, Finding finding) throws IOException {
    if (record.handlerHash() != 0 && !record.handler().isEmpty()) {
      String options = record.fields().text("options");
      handler(
          new Handler(
              record.handlerHash(),
              record.instance(),
              record.handler(),
              options == null ? "" : options,
              record.fields().pairs("default")));
    }
    storms.whole(record, finding);
  }

  private void unbuildable(Record record, Finding finding, String fault) throws IOException {
    String of = record.handler().isEmpty() ? "" : " of " + record.handler();
    Event event =
        new Event(
            record.id(),
            record.time(),
            Event.ERROR,
            "error",
            "A record of kind " + record.kindCode() + of + " that no event could be made of",
            raw.bytes(finding.offset(), finding.end()));
    batch.unbuildable(event, record, fault, destination(record));
    remarks.add("record " + record.id() + of + " is kept as it is: " + fault);
  }

  /** Where the event of a record would have gone of which none can be made. */
  private Destination destination(Record record) throws IOException {
    try {
      Destination own = HandlerSettings.of(record).destination();
      return own instanceof Destination.None
          ? outbox
              .intake()
              .handler(record.handlerHash())
              .map(JournalPump.RESOLVER::resolve)
              .orElse(own)
          : own;
    } catch (RuntimeException | StackOverflowError e) {
      // Its settings are what is wrong with it.
      return new Destination.None();
    }
  }

  private void handler(Handler handler) {
    storms.handler(handler);
    batch.handler(handler);
  }

  private void configuration(Record record) {
    String instance = record.instance();
    Map<String, String> defaults = record.fields().pairs("default");
    String server = defaults.getOrDefault("server", "");
    record
        .fields()
        .pairs("definition")
        .forEach(
            (name, options) -> {
              Handler handler =
                  new Handler(
                      Handler.hash(server, instance, name), instance, name, options, defaults);
              handler(handler);
              advice.addAll(ConfigWarning.of(handler));
            });
    batch.consumed(record.id());
    configured = true;
  }

  /**
   * What writers could not append. The server that their instance's own DSN names is told of it:
   * which handler it would have been is not known.
   */
  private void drops(Record record) {
    Destination destination = HandlerSettings.of(record).destination();
    for (Fields.Field field : record.fields().all()) {
      if (field.name().equals("drop")) {
        Map<String, String> one = new Fields(List.of(field)).pairs("drop");
        one.forEach(
            (reason, count) -> {
              batch.count(Counter.Name.DROPPED, reason, record.instance(), quantity(count));
              if (destination instanceof Destination.To to && !reason.equals("unsure")) {
                batch.lost(to, reasonOf(reason), Event.ERROR, quantity(count));
              }
            });
      }
    }
    batch.consumed(record.id());
  }

  private static DiscardReason reasonOf(String drop) {
    return drop.equals("journal_full") || drop.equals("disk_full") || drop.equals("stalled")
        ? DiscardReason.CACHE_OVERFLOW
        : DiscardReason.INTERNAL_SDK_ERROR;
  }

  private static long quantity(String digits) {
    return digits.matches("[0-9]{1,18}") ? Long.parseLong(digits) : 0;
  }
}

package io.uwsgisentry.agent;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.event.Occurrences;
import io.uwsgisentry.event.UnbuildableRecordException;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Advice;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Handler;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a {@link Batch} of what was found in a stretch of a journal file. One instance a batch.
 *
 * <p>Every record ends up in exactly one place: as an event of its own, as one of the occurrences
 * of a summary (brief records), as raw bytes in a dead entry, in the handlers or counters that it
 * tells of, or as a duplicate.
 *
 * <p>Brief records of the batch with one fold key become one event: the last whole one of that key
 * with the count of the brief ones, or, if none is known, a plain one of the handler's settings.
 * The sum of {@code extra.occurrences} is exact: the whole event counted for itself.
 */
final class BatchAssembly {
  /** Gives the bytes of a record again. */
  interface Raw {
    byte[] bytes(long offset, long end) throws IOException;
  }

  private static final class Group {
    final Record first;
    long count;
    long firstMicros = Long.MAX_VALUE;
    long lastMicros = Long.MIN_VALUE;

    Group(Record first) {
      this.first = first;
    }
  }

  private record Built(Event event, Destination destination) {}

  private final Outbox outbox;
  private final EventFactory factory;
  private final Raw raw;
  private final Batch batch;
  private final Map<Long, Group> groups = new LinkedHashMap<>();
  private final Map<Long, Built> lastOfFold = new HashMap<>();
  private final Map<Long, Handler> handlers = new HashMap<>();
  private final List<String> remarks = new ArrayList<>();
  private final List<Advice> advice = new ArrayList<>();
  private boolean configured;

  BatchAssembly(Outbox outbox, EventFactory factory, Raw raw, String file, long position) {
    this.outbox = outbox;
    this.factory = factory;
    this.raw = raw;
    this.batch = new Batch(file, position);
  }

  Batch assemble(List<Finding> findings) throws IOException {
    Set<String> taken = outbox.known(ids(findings));
    for (Finding finding : findings) {
      Record record = finding.record();
      if (record == null) {
        batch.count(Counter.Name.TORN, "", "", 1);
        batch.count(Counter.Name.SKIPPED_BYTES, "", "", finding.bytes());
        remarks.add(finding.bytes() + " bytes at " + finding.offset() + " are no record: skipped");
      } else if (!taken.add(record.id())) {
        batch.count(Counter.Name.DUPLICATE, "", "", 1);
      } else {
        take(record, finding);
      }
    }
    for (Group group : groups.values()) {
      summarise(group);
    }
    return batch;
  }

  /** What an operator should know of the batch, one line each. */
  List<String> remarks() {
    return remarks;
  }

  /** What the configurations that the batch told of should be mended in. */
  List<Advice> advice() {
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
      brief(record);
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
    Built built;
    try {
      HandlerSettings settings = HandlerSettings.of(record);
      built = new Built(factory.build(record, settings), settings.destination());
    } catch (UnbuildableRecordException e) {
      unbuildable(record, finding, String.valueOf(e.getMessage()));
      return;
    } catch (RuntimeException | StackOverflowError e) {
      unbuildable(record, finding, "building the event failed: " + e);
      return;
    }
    batch.event(built.event(), record, built.destination());
    lastOfFold.put(record.foldKey(), built);
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
    batch.unbuildable(event, record, fault);
    remarks.add("record " + record.id() + of + " is kept as it is: " + fault);
  }

  private void handler(Handler handler) {
    handlers.put(handler.hash(), handler);
    batch.handler(handler);
  }

  private void configuration(Record record) {
    String instance = record.instance();
    Map<String, String> defaults = record.fields().pairs("default");
    record
        .fields()
        .pairs("definition")
        .forEach(
            (name, options) -> {
              Handler handler =
                  new Handler(Handler.hash(instance, name), instance, name, options, defaults);
              handler(handler);
              advice.addAll(Advice.of(handler));
            });
    batch.consumed(record.id());
    configured = true;
  }

  private void drops(Record record) {
    for (Fields.Field field : record.fields().all()) {
      if (field.name().equals("drop")) {
        Map<String, String> one = new Fields(List.of(field)).pairs("drop");
        one.forEach(
            (reason, count) ->
                batch.count(Counter.Name.DROPPED, reason, record.instance(), quantity(count)));
      }
    }
    batch.consumed(record.id());
  }

  private static long quantity(String digits) {
    return digits.matches("[0-9]{1,18}") ? Long.parseLong(digits) : 0;
  }

  private void brief(Record record) {
    Group group = groups.computeIfAbsent(record.foldKey(), key -> new Group(record));
    group.count++;
    group.firstMicros = Math.min(group.firstMicros, record.timeMicros());
    group.lastMicros = Math.max(group.lastMicros, record.timeMicros());
    batch.consumed(record.id());
  }

  private void summarise(Group group) throws IOException {
    Record record = group.first;
    Handler handler = handlers.get(record.handlerHash());
    if (handler == null) {
      handler = outbox.handler(record.handlerHash()).orElse(null);
    }
    HandlerSettings settings =
        handler == null
            ? HandlerSettings.of("", "", Map.of())
            : HandlerSettings.of(handler.handler(), handler.options(), handler.defaults());
    Instant first = instant(group.firstMicros);
    Instant last = instant(group.lastMicros);
    Built like = like(record.foldKey());
    Event summary =
        like == null
            ? factory.summary(record.kind(), settings, group.count, first, last)
            : Occurrences.summary(like.event(), group.count, first, last);
    Destination destination =
        handler == null && like != null ? like.destination() : settings.destination();
    batch.folded(summary, record.handlerHash(), record.foldKey(), group.count, destination);
    batch.count(Counter.Name.BRIEF, "", handler == null ? "" : handler.instance(), group.count);
  }

  private @Nullable Built like(long foldKey) throws IOException {
    Built built = lastOfFold.get(foldKey);
    if (built != null) {
      return built;
    }
    Optional<Entry> stored = outbox.lastOfFold(foldKey);
    if (stored.isEmpty()) {
      return null;
    }
    Entry entry = stored.get();
    Destination destination =
        entry.dsn() == null
            ? new Destination.None()
            : new Destination.To(entry.dsn(), entry.verify(), entry.timeout(), entry.debug());
    return new Built(
        new Event(
            entry.id(),
            entry.time(),
            entry.category(),
            entry.level(),
            entry.title(),
            entry.payload()),
        destination);
  }

  private static Instant instant(long micros) {
    return Instant.EPOCH.plus(micros, java.time.temporal.ChronoUnit.MICROS);
  }
}

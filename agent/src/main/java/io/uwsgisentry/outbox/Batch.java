package io.uwsgisentry.outbox;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.storm.Storm;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a stretch of one journal file came to; {@link Outbox#store} takes it in one transaction. Not
 * thread-safe.
 *
 * <p>Ids are 32 lower-case hex digits.
 */
public final class Batch {
  record Arrival(
      Event event,
      Destination destination,
      long handlerHash,
      long foldKey,
      long occurrences,
      boolean raw,
      String fault,
      long mostPerMinute) {}

  record Count(Counter.Name name, String reason, String subject) {}

  /**
   * @param to null where no usable server is known
   */
  record Given(Destination.@Nullable To to, DiscardReason reason, String category) {}

  private final String file;
  private long position;
  private long bytes;
  private final List<Arrival> arrivals = new ArrayList<>();
  private final List<String> consumed = new ArrayList<>();
  private final Map<Long, Handler> handlers = new LinkedHashMap<>();
  private final Map<Count, Long> counts = new LinkedHashMap<>();
  private final Map<Given, Long> discards = new LinkedHashMap<>();
  private final Map<Given, Long> losses = new LinkedHashMap<>();
  private final List<Storm.Key> closed = new ArrayList<>();
  private final List<Storm> windows = new ArrayList<>();

  /**
   * @param file the journal file's name
   * @param position where the next batch of it starts: all before it is in this batch or an earlier
   *     one
   */
  public Batch(String file, long position) {
    this.file = file;
    this.position = position;
  }

  /** A batch of a file of which it is not known yet how far it will go: {@link #reached}. */
  public Batch(String file) {
    this(file, 0);
  }

  /** A batch that no journal file is behind. */
  public Batch() {
    this("", 0);
  }

  /**
   * Where the next batch of the file starts.
   *
   * @param next bytes from the file's start
   */
  public void reached(long next) {
    position = next;
  }

  /** How large the events are that it holds, as JSON. */
  public long bytes() {
    return bytes;
  }

  /** An event that stands for its record. */
  public void event(Event event, Record record, Destination destination) {
    event(event, record, destination, 0);
  }

  /**
   * An event that stands for its record.
   *
   * @param mostPerMinute beyond so many events of one minute for that destination it is discarded
   *     and counted; 0: no limit
   */
  public void event(Event event, Record record, Destination destination, long mostPerMinute) {
    arrived(
        new Arrival(
            event,
            destination,
            record.handlerHash(),
            record.foldKey(),
            1,
            false,
            "",
            mostPerMinute));
  }

  /**
   * An event that stands for the records that were counted in a window; the records' ids were given
   * to {@link #consumed}. Its window is to be stored or closed in the same batch.
   */
  public void summary(
      Event event,
      long handlerHash,
      long foldKey,
      long occurrences,
      Destination destination,
      long mostPerMinute) {
    arrived(
        new Arrival(
            event, destination, handlerHash, foldKey, occurrences, false, "", mostPerMinute));
  }

  /** That window ended. Before {@link #window}, should another one be opened for the same fault. */
  public void closed(Storm.Key key) {
    closed.add(key);
  }

  /** A window as it is after this batch; without an event to go by the one stored before stays. */
  public void window(Storm storm) {
    windows.add(storm);
  }

  /**
   * A record of which no event could be made: kept as it is, dead, and counted.
   *
   * @param event its payload is the record's own bytes
   * @param fault what went wrong, one line
   * @param destination where its event would have gone, as far as that is known
   */
  public void unbuildable(Event event, Record record, String fault, Destination destination) {
    arrived(
        new Arrival(
            event,
            new Destination.None(),
            record.handlerHash(),
            record.foldKey(),
            1,
            true,
            fault,
            0));
    discarded(destination, DiscardReason.INTERNAL_SDK_ERROR, event.category(), 1);
  }

  /**
   * Events that will not be stored: counted, and told to the server that they were meant for in a
   * client report. OptionValues of equal destination, reason and category add up.
   *
   * @param destination where they would have gone; without a usable one they are counted only
   * @param category Sentry's data category, {@code error}
   * @param quantity how many events, or occurrences where one would have stood for several
   */
  public void discarded(
      Destination destination, DiscardReason reason, String category, long quantity) {
    Destination.To to = destination instanceof Destination.To usable ? usable : null;
    discards.merge(new Given(to, reason, category), quantity, Long::sum);
  }

  /**
   * Events that were lost before there was a record of them, and are counted by other names: only
   * told to the server in a client report.
   */
  public void lost(Destination.To to, DiscardReason reason, String category, long quantity) {
    losses.merge(new Given(to, reason, category), quantity, Long::sum);
  }

  /** A record that made no entry of its own id. */
  public void consumed(String id) {
    consumed.add(id);
  }

  /** What a record told of a handler; the last one of a batch holds. */
  public void handler(Handler handler) {
    handlers.put(handler.hash(), handler);
  }

  /** Something to count; quantities of the same name, reason and subject add up. */
  public void count(Counter.Name name, String reason, String subject, long quantity) {
    counts.merge(new Count(name, reason, subject), quantity, Long::sum);
  }

  private void arrived(Arrival arrival) {
    arrivals.add(arrival);
    bytes += arrival.event().payload().length;
  }

  String file() {
    return file;
  }

  long position() {
    return position;
  }

  List<Arrival> arrivals() {
    return arrivals;
  }

  List<String> consumed() {
    return consumed;
  }

  Iterable<Handler> handlers() {
    return handlers.values();
  }

  Map<Count, Long> counts() {
    return counts;
  }

  Map<Given, Long> discards() {
    return discards;
  }

  Map<Given, Long> losses() {
    return losses;
  }

  List<Storm.Key> closed() {
    return closed;
  }

  List<Storm> windows() {
    return windows;
  }
}

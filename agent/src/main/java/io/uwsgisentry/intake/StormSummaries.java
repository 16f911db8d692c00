package io.uwsgisentry.intake;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.event.Occurrences;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.OutboxException;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.storm.Storm;
import io.uwsgisentry.storm.StormWindow;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes of a window's count the one event that tells of it. It is like the last occurrence whose
 * whole record is known; where none is (only brief records came), like the last event of that fault
 * for the same destination in the outbox; else a plain one of the handler's settings.
 *
 * <p>Windows end in three ways: a record beyond the end ({@link StormIntake}), the clock ({@link
 * #endOver}), the end of the agent ({@link #flushStorms}), after which the window goes on for the
 * next one. Owned by the agent's main thread.
 */
final class StormSummaries {
  private static final int MOST_FREQUENT = 5;
  private static final int AT_ONCE = 200;

  /** Of events that windows go by, and of those that come of it: each is a tree in between. */
  private static final long BYTES_AT_ONCE = 512 << 10;

  private final Outbox outbox;
  private final EventFactory factory;
  private final Consumer<String> remarks;
  private final long bytesAtOnce;

  /**
   * @param remarks takes what an operator should know, a line each
   */
  StormSummaries(Outbox outbox, EventFactory factory, Consumer<String> remarks) {
    this.outbox = outbox;
    this.factory = factory;
    this.remarks = remarks;
    this.bytesAtOnce = Math.min(BYTES_AT_ONCE, outbox.intake().bytesAtOnce());
  }

  /**
   * Ends the windows that are over, each in the transaction that stores its summary.
   *
   * @param clock a time up to which all records are stored
   * @return whether there is something new to send
   */
  boolean endOver(Instant clock) throws IOException {
    return tell(
        most -> outbox.intake().stormsOver(clock, most, bytesAtOnce),
        (batch, storm) -> batch.closed(storm.key()));
  }

  /**
   * Tells of all that was counted so far; the windows stay open.
   *
   * @return whether there is something new to send
   */
  boolean flushStorms() throws IOException {
    return tell(
        most -> outbox.intake().stormsCounted(most, bytesAtOnce),
        (batch, storm) -> {
          storm.window().reported();
          batch.window(storm);
        });
  }

  /** Windows that are not given again once they are told. */
  private interface Source {
    List<Storm> next(int most) throws IOException;
  }

  private interface End {
    void of(Batch batch, Storm storm);
  }

  private boolean tell(Source source, End end) throws IOException {
    boolean any = false;
    int most = AT_ONCE;
    for (List<Storm> storms = source.next(most); !storms.isEmpty(); storms = source.next(most)) {
      Batch batch = new Batch();
      long bytes = 0;
      int taken = 0;
      for (Storm storm : storms) {
        taken++;
        bytes +=
            add(batch, storm, settings(outbox.intake().handler(storm.handlerHash()).orElse(null)));
        end.of(batch, storm);
        if (bytes >= bytesAtOnce) {
          // The rest is given again: what it is to be like is in memory once, not twice.
          break;
        }
      }
      try {
        any |= outbox.intake().store(batch).ready() > 0;
      } catch (OutboxException e) {
        if (!e.unwritten() || taken == 1) {
          throw e;
        }
        // Each of them makes some room for the next.
        most = taken / 2;
      }
    }
    return any;
  }

  /**
   * Adds the summary to a batch if something was counted; the window is the caller's.
   *
   * @param settings of the fault's handler
   * @return bytes of the summary
   */
  long add(Batch batch, Storm storm, HandlerSettings settings) throws IOException {
    StormWindow window = storm.window();
    if (!storm.lost().isEmpty()) {
      remarks.accept(
          "the stored count of one fault is damaged ("
              + storm.lost()
              + "): its "
              + window.counted()
              + " occurrences are reported with what is left");
    }
    if (window.counted() == 0) {
      return 0;
    }
    Event template = storm.template();
    if (template == null) {
      template = lastTemplate(storm);
    }
    Kind kind = Kind.of(storm.kind());
    Occurrences occurrences = occurrences(window, settings);
    Event event = template == null ? null : summaryOf(occurrences, template, kind);
    if (event == null) {
      event = plain(occurrences, kind, settings);
    }
    Destination.To to = storm.to();
    batch.summary(
        event,
        storm.handlerHash(),
        storm.key().fault(),
        window.counted(),
        to == null ? settings.destination() : to,
        settings.maxEventsPerMinute());
    return event.payload().length;
  }

  /** What a handler's settings are; of one that is not known, those of none. */
  static HandlerSettings settings(@Nullable Handler handler) {
    return handler == null
        ? HandlerSettings.of("", "", Map.of())
        : HandlerSettings.of(handler.handler(), handler.options(), handler.defaults());
  }

  private static @Nullable Event summaryOf(Occurrences occurrences, Event template, Kind kind) {
    try {
      return occurrences.summary(template, kind);
    } catch (RuntimeException | StackOverflowError e) {
      // What was stored is no event any more; the count must go out all the same.
      return null;
    }
  }

  private Event plain(Occurrences occurrences, Kind kind, HandlerSettings settings) {
    try {
      return factory.summary(kind, settings, occurrences);
    } catch (RuntimeException | StackOverflowError e) {
      // One window must not hold up the others, nor its own count.
      return factory.summary(kind, settings(null), occurrences);
    }
  }

  private @Nullable Event lastTemplate(Storm storm) throws IOException {
    Destination.To to = storm.to();
    Entry entry =
        outbox
            .intake()
            .lastOfStorm(storm.key().fault(), to == null ? null : to.key(), storm.handlerHash())
            .orElse(null);
    return entry == null
        ? null
        : new Event(
            entry.id(),
            entry.time(),
            entry.category(),
            entry.level(),
            entry.title(),
            entry.payload());
  }

  private Occurrences occurrences(StormWindow window, HandlerSettings settings) {
    Map<String, Map<String, Long>> frequent = new TreeMap<>();
    window
        .varied()
        .forEach(
            (what, values) -> {
              Map<String, Long> shown = new LinkedHashMap<>();
              values
                  .top(MOST_FREQUENT)
                  .forEach(
                      (value, count) ->
                          shown.merge(factory.shown(value, settings), count, Long::sum));
              frequent.put(what.name().toLowerCase(Locale.ROOT), shown);
            });
    return new Occurrences(
        window.counted(),
        instant(window.first()),
        instant(window.last()),
        window.passed(),
        instant(window.passed() == 0 ? window.first() : window.opened()),
        frequent);
  }

  private static Instant instant(long micros) {
    return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
  }
}

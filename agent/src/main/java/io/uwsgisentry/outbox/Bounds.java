package io.uwsgisentry.outbox;

import static io.uwsgisentry.settings.InstanceOption.EVENT_MAX;
import static io.uwsgisentry.settings.InstanceOption.HISTORY;
import static io.uwsgisentry.settings.InstanceOption.OUTBOX_AGE;
import static io.uwsgisentry.settings.InstanceOption.OUTBOX_ENTRIES;
import static io.uwsgisentry.settings.InstanceOption.OUTBOX_MAX;

import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.settings.OptionValues;
import java.time.Duration;
import java.util.Map;

/**
 * How much the outbox keeps. Bytes are those of the events' JSON as it is stored; the file is
 * somewhat larger.
 *
 * @param waitingBytes of entries that are ready, of all destinations together
 * @param keptBytes of entries that are dead, undeliverable or local; the oldest go first
 * @param waitingAge ready entries that wait longer are dead
 * @param waitingEntries of entries that are ready for one destination
 * @param eventBytes of one event
 * @param historyAge delivered entries older than this go
 * @param historyBytes of delivered entries; the oldest go first
 */
public record Bounds(
    long waitingBytes,
    long keptBytes,
    Duration waitingAge,
    long waitingEntries,
    int eventBytes,
    Duration historyAge,
    long historyBytes) {

  private static final long LEAST_EVENT = 16 << 10;

  public static final Bounds DEFAULT = of(Map.of());

  /**
   * What these options say, and what is standard for all others.
   *
   * @throws IllegalArgumentException with a sentence, if a value has a fault
   */
  public static Bounds of(Map<InstanceOption, String> given) {
    given.forEach(Bounds::require);
    long most = OptionValues.bytes(OUTBOX_MAX.in(given));
    String[] history = HISTORY.in(given).split(",", 2);
    boolean none = history.length < 2;
    return new Bounds(
        // A fifth is for what cannot be sent, so that it cannot crowd out what can.
        most - most / 5,
        most / 5,
        OptionValues.age(OUTBOX_AGE.in(given)),
        OptionValues.bytes(OUTBOX_ENTRIES.in(given)),
        (int) OptionValues.bytes(EVENT_MAX.in(given)),
        none ? Duration.ZERO : OptionValues.age(history[0]),
        none ? 0 : OptionValues.bytes(history[1]));
  }

  private static void require(InstanceOption option, String value) {
    String fault = option.fault(value);
    if (fault != null) {
      throw new IllegalArgumentException(option.flag() + " " + value + ": " + fault);
    }
  }

  /** What the ids of events that are gone may have, about: an eighth of what the events have. */
  long rememberedBytes() {
    return (waitingBytes + keptBytes) / 8;
  }

  /**
   * The same in a smaller place: less of everything that is counted in bytes.
   *
   * @param waiting bytes that may wait in any case, if these allow them
   */
  Bounds within(long database, long wanted, long waiting) {
    double part = (double) database / wanted;
    return new Bounds(
        Math.max((long) (waitingBytes * part), Math.min(waitingBytes, waiting)),
        Math.max((long) (keptBytes * part), Math.min(keptBytes, waiting)),
        waitingAge,
        waitingEntries,
        (int) Math.min(eventBytes, Math.max(LEAST_EVENT, database / 8)),
        historyAge,
        (long) (historyBytes * part));
  }
}

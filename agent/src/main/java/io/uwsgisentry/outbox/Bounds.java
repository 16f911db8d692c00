package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.settings.Quantities;
import java.time.Duration;

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

  public static final Bounds DEFAULT =
      new Bounds(0, 0, Duration.ZERO, 0, 0, Duration.ZERO, 0)
          .with(InstanceOption.OUTBOX_MAX, "256m")
          .with(InstanceOption.OUTBOX_AGE, "7d")
          .with(InstanceOption.OUTBOX_ENTRIES, "250000")
          .with(InstanceOption.EVENT_MAX, "1m")
          .with(InstanceOption.HISTORY, "7d,50m");

  /**
   * These, but for what the option says.
   *
   * @param option one of those that bound the outbox
   * @throws IllegalArgumentException with a sentence, if it is another or its value has a fault
   */
  public Bounds with(InstanceOption option, String value) {
    String fault = option.fault(value);
    if (fault != null) {
      throw new IllegalArgumentException(fault);
    }
    long bytes = Quantities.bytes(value);
    return switch (option) {
      // A fifth is for what cannot be sent, so that it cannot crowd out what can.
      case OUTBOX_MAX ->
          new Bounds(
              bytes - bytes / 5,
              bytes / 5,
              waitingAge,
              waitingEntries,
              eventBytes,
              historyAge,
              historyBytes);
      case OUTBOX_AGE ->
          new Bounds(
              waitingBytes,
              keptBytes,
              Quantities.age(value),
              waitingEntries,
              eventBytes,
              historyAge,
              historyBytes);
      case OUTBOX_ENTRIES ->
          new Bounds(
              waitingBytes, keptBytes, waitingAge, bytes, eventBytes, historyAge, historyBytes);
      case EVENT_MAX ->
          new Bounds(
              waitingBytes,
              keptBytes,
              waitingAge,
              waitingEntries,
              (int) bytes,
              historyAge,
              historyBytes);
      case HISTORY -> {
        int comma = value.indexOf(',');
        yield new Bounds(
            waitingBytes,
            keptBytes,
            waitingAge,
            waitingEntries,
            eventBytes,
            comma < 0 ? Duration.ZERO : Quantities.age(value.substring(0, comma)),
            comma < 0 ? 0 : Quantities.bytes(value.substring(comma + 1)));
      }
      default -> throw new IllegalArgumentException(option.key() + " bounds nothing here");
    };
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

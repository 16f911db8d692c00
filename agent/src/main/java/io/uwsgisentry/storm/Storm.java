package io.uwsgisentry.storm;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import org.jspecify.annotations.Nullable;

/**
 * The open window of a fault, with what its summary is to be made of.
 *
 * @param kind of its records, as in the journal
 * @param handlerHash of its last record
 * @param to where its summary goes; null: its handler had no usable DSN, and is to be asked again
 * @param template the event of the last occurrence that has a whole record, without an id of its
 *     own; null if none was counted yet
 * @param lost what of it could not be read any more, in words; empty: nothing
 */
public record Storm(
    Key key,
    StormWindow window,
    int kind,
    long handlerHash,
    Destination.@Nullable To to,
    @Nullable Event template,
    String lost) {

  /** One that was not read, or read as a whole. */
  public Storm(
      Key key,
      StormWindow window,
      int kind,
      long handlerHash,
      Destination.@Nullable To to,
      @Nullable Event template) {
    this(key, window, kind, handlerHash, to, template, "");
  }

  /**
   * What tells faults apart.
   *
   * @param destination the destination's key, or the handler where it has none
   * @param fault the records' fold key
   */
  public record Key(String destination, long fault) {
    /** The fault of a record with that destination. */
    public static Key of(Destination destination, long handlerHash, long fault) {
      return new Key(
          destination instanceof Destination.To to
              ? to.key()
              : "handler " + Long.toHexString(handlerHash),
          fault);
    }
  }
}

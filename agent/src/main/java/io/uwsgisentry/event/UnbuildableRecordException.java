package io.uwsgisentry.event;

/**
 * No event can be made of a record: its kind is none that happens to be reported (a configuration,
 * a count of drops, a kind of a newer plugin), it is brief, or a builder failed on it, which is a
 * bug and has its cause. The record is then to be kept as it is.
 */
public final class UnbuildableRecordException extends Exception {
  private static final long serialVersionUID = 1L;

  UnbuildableRecordException(String message) {
    super(message);
  }

  UnbuildableRecordException(String message, Throwable cause) {
    super(message, cause);
  }
}

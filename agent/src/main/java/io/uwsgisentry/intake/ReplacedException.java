package io.uwsgisentry.intake;

import java.io.IOException;

/**
 * Something that this agent has open no longer stands in the state directory. Whatever it would do
 * from here on, the next agent would not find it.
 */
public final class ReplacedException extends IOException {
  private static final long serialVersionUID = 1;

  private final String part;
  private final String what;

  /**
   * @param part what it was: {@code outbox.db}
   * @param what happened to it: {@code was removed}
   */
  ReplacedException(String part, String what) {
    super(part + " " + what);
    this.part = part;
    this.what = what;
  }

  public String part() {
    return part;
  }

  public String what() {
    return what;
  }
}

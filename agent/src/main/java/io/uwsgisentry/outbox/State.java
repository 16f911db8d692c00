package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;

/**
 * Where an entry stands. The code is what the database holds.
 *
 * <p>There is no state for "in flight": one agent owns the database, so what was under way when it
 * died is simply still {@link #READY}.
 */
public enum State {
  /** Waits to be sent. */
  READY(0),
  /** The server took it; kept for a while as history. */
  DELIVERED(1),
  /** Will not be sent: the server refused it, or no event could be made of the record. */
  DEAD(2),
  /** Its handler's DSN is malformed: waits for a usable one. */
  UNDELIVERABLE(3),
  /** Its handler has no DSN at all: kept and shown here. */
  LOCAL(4);

  private static final State[] VALUES = values();

  private final int code;

  State(int code) {
    this.code = code;
  }

  /** What the database holds. */
  int code() {
    return code;
  }

  static State of(int code) {
    for (State state : VALUES) {
      if (state.code == code) {
        return state;
      }
    }
    throw new IllegalArgumentException("state " + code);
  }

  /** The state of a new event with that destination. */
  static State of(Destination destination) {
    if (destination instanceof Destination.To) {
      return READY;
    }
    return destination instanceof Destination.None ? LOCAL : UNDELIVERABLE;
  }
}

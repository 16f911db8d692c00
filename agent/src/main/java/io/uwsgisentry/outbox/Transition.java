package io.uwsgisentry.outbox;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The moves that an entry may make from state to state, all of them: statements that change a state
 * are written with these, and a trigger, made of these for each connection that writes, stops any
 * other. The table in {@code docs/delivery.md} is this one; a test compares them.
 */
enum Transition {
  DELIVERED(State.DELIVERED, "delivery", "the server answered 2xx", State.READY),
  REFUSED(
      State.DEAD,
      "delivery",
      "the server will never accept it: 3xx, other 4xx, or 413 when nothing more can be left out",
      State.READY),
  EXPIRED(
      State.DEAD,
      "the agent, once a minute",
      "it waited longer than `sentry-outbox-age`",
      State.READY),
  UNUSABLE(
      State.UNDELIVERABLE,
      "the agent, when it starts",
      "this version cannot use the DSN that an older one stored",
      State.READY),
  RESOLVED(
      State.READY,
      "the agent, `events retry`",
      "its handler now has a usable DSN",
      State.UNDELIVERABLE,
      State.LOCAL),
  MISCONFIGURED(
      State.UNDELIVERABLE,
      "the agent, `events retry`",
      "its handler now has a DSN, but a malformed one",
      State.UNDELIVERABLE,
      State.LOCAL),
  WITHDRAWN(
      State.LOCAL,
      "the agent, `events retry`",
      "its handler no longer has a DSN",
      State.UNDELIVERABLE,
      State.LOCAL),
  RETRIED(State.READY, "`events retry`", "a person wants it sent again", State.READY, State.DEAD);

  private final State to;
  private final String by;
  private final String when;
  private final State first;
  private final State last;

  Transition(State to, String by, String when, State from) {
    this(to, by, when, from, from);
  }

  Transition(State to, String by, String when, State first, State last) {
    this.to = to;
    this.by = by;
    this.when = when;
    this.first = first;
    this.last = last;
  }

  Set<State> from() {
    return EnumSet.of(first, last);
  }

  State to() {
    return to;
  }

  /** What makes it, for the documentation. */
  String by() {
    return by;
  }

  /** What has happened, for the documentation. */
  String when() {
    return when;
  }

  /** For {@code UPDATE entries SET …}. */
  String set() {
    return "state = " + to.code();
  }

  /** For {@code WHERE …}. */
  String where() {
    return from().stream()
        .map(state -> String.valueOf(state.code()))
        .collect(Collectors.joining(", ", "state IN (", ")"));
  }

  static boolean legal(State from, State to) {
    return Arrays.stream(values()).anyMatch(move -> move.to == to && move.from().contains(from));
  }

  /** The statement that makes this connection refuse all others. */
  static String guard() {
    String pairs =
        Arrays.stream(values())
            .flatMap(
                move ->
                    move.from().stream().map(f -> f.code() + " AND NEW.state = " + move.to.code()))
            .distinct()
            .map(pair -> "(OLD.state = " + pair + ")")
            .collect(Collectors.joining(" OR "));
    return "CREATE TEMP TRIGGER legal_moves BEFORE UPDATE OF state ON main.entries WHEN OLD.state <> NEW.state AND NOT ("
        + pairs
        + ") BEGIN SELECT RAISE(ABORT, 'an entry may not make this move'); END";
  }
}

package io.uwsgisentry.storm;

import io.uwsgisentry.journal.Kind;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What was seen of one fault since a window for it was opened, and which occurrences go out as
 * events of their own: so a storm of a million costs a handful of events, and the count stays
 * exact.
 *
 * <p>A fault has at most one window. The first few records of a window pass; the rest are counted.
 * The window ends when a record beyond its end comes ({@link #endsBefore}), or by the clock ({@link
 * #isOver}). Records need not come in order: one from before the window counts as one of it. So a
 * clock that went back leads to one window that is too long and never to two at a time.
 *
 * <p>Times are microseconds since 1970, as in the journal. Not thread-safe.
 */
public final class StormWindow {
  /** How many of a window pass where the user says nothing. */
  public static final int USUAL = 5;

  /** How long a window is open, from the time of the first record in it. */
  public static final Duration LENGTH = Duration.ofSeconds(60);

  // Of the records made in a window the last is in the journal a moment later.
  private static final Duration GRACE = Duration.ofSeconds(2);

  /** What differs between the occurrences of one fault. */
  public enum Varied {
    WORKER,
    URL,
    INSTANCE,
    HOST
  }

  private final long opened;
  private long passed;
  private long counted;
  private long first;
  private long last;
  private final Map<Varied, TopValues> varied = new EnumMap<>(Varied.class);

  /**
   * @param opened time of its first record
   */
  public StormWindow(long opened) {
    this(opened, 0, 0, 0, 0);
  }

  /** A window as it was stored. */
  public StormWindow(long opened, long passed, long counted, long first, long last) {
    this.opened = opened;
    this.passed = passed;
    this.counted = counted;
    this.first = first;
    this.last = last;
  }

  /** Whether a record of that time comes after its end; one that comes from before it does not. */
  public boolean endsBefore(long micros) {
    return micros - opened >= micros(LENGTH);
  }

  /**
   * Whether it is over by the clock. Also where the clock went back beyond its beginning: then its
   * end may never come.
   *
   * @param clock a time up to which all records are known
   */
  public boolean isOver(Instant clock) {
    return opened <= openedAtMost(clock) || opened >= openedAtLeast(clock);
  }

  /** A window that was opened then or earlier is over. */
  public static long openedAtMost(Instant clock) {
    return micros(clock) - micros(LENGTH) - micros(GRACE);
  }

  /** A window that was opened then or later is over too: the clock went back. */
  public static long openedAtLeast(Instant clock) {
    return micros(clock) + micros(LENGTH);
  }

  /**
   * How many of a window pass, for records of that kind. Of deaths, slow and cut requests one: a
   * respawn loop is one event and its count.
   *
   * @param wanted the user's number; 0: every one passes
   */
  public static long passes(Kind kind, long wanted) {
    if (wanted <= 0) {
      return Long.MAX_VALUE;
    }
    return kind == Kind.DEATH || kind == Kind.SLOW || kind == Kind.CUT ? 1 : wanted;
  }

  /**
   * Takes one occurrence.
   *
   * @param passes how many may pass
   * @param values what differs between occurrences, as far as it is known
   * @return whether it goes out as an event of its own; else it is counted
   */
  public boolean admit(long micros, long passes, Supplier<Map<Varied, String>> values) {
    if (passed < passes) {
      passed++;
      return true;
    }
    count(micros, 1, values.get());
    return false;
  }

  /** Takes so many occurrences of about the same time that are counted in any case. */
  public void count(long micros, long times, Map<Varied, String> values) {
    first = counted == 0 ? micros : Math.min(first, micros);
    last = counted == 0 ? micros : Math.max(last, micros);
    counted += times;
    values.forEach((what, value) -> frequencies(what).add(value, times));
  }

  /** One that was counted is reported in another way. */
  public void uncount() {
    counted--;
  }

  /** What was counted is reported: the window goes on without it. */
  public void reported() {
    passed += counted;
    counted = 0;
    first = 0;
    last = 0;
    varied.clear();
  }

  public long opened() {
    return opened;
  }

  /** How many were reported: at once, or by a summary while the window was open. */
  public long passed() {
    return passed;
  }

  /** How many were only counted, and are to be reported. */
  public long counted() {
    return counted;
  }

  /** The earliest of those that were counted. */
  public long first() {
    return first;
  }

  /** The latest of those that were counted. */
  public long last() {
    return last;
  }

  /** How often each value came among those that were counted. */
  public Map<Varied, TopValues> varied() {
    return varied;
  }

  private TopValues frequencies(Varied what) {
    return varied.computeIfAbsent(what, unknown -> new TopValues());
  }

  private static long micros(Duration time) {
    return time.toNanos() / 1_000;
  }

  private static long micros(Instant time) {
    return ChronoUnit.MICROS.between(Instant.EPOCH, time);
  }
}

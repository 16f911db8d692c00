package io.uwsgisentry.storm;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.storm.StormWindow.Varied;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides which occurrences of a fault go out as events of their own and which are only counted, so
 * that a storm of a million costs a handful of events and the count stays exact.
 *
 * <p>A fault has at most one window. The first few records of a window pass; the rest are counted.
 * The window ends when a record beyond its end comes ({@link Windows#ended}), or by the clock,
 * which is the owner's business ({@link StormWindow#isOver}). Records need not come in order: one
 * from before the window counts as one of it. So a clock that went back leads to one window that is
 * too long and never to two at a time.
 *
 * <p>It holds what one batch of records touches, and nothing of it is true before the owner has
 * stored it: windows are asked for when they are first needed, and {@link #touched} are to be
 * stored together with what the records came to. Not thread-safe.
 *
 * @param <K> tells faults apart
 */
public final class StormGuard<K> {
  /** How many of a window pass where the user says nothing. */
  public static final int USUAL = 5;

  /** Where windows are kept. */
  public interface Windows<K> {
    /** The open window of that fault as it was stored, null if there is none. */
    @Nullable StormWindow stored(K fault) throws IOException;

    /** A window ended, and another one for the same fault is opened. */
    void ended(K fault, StormWindow window) throws IOException;
  }

  private final Windows<K> windows;
  private final Map<K, StormWindow> touched = new LinkedHashMap<>();

  public StormGuard(Windows<K> windows) {
    this.windows = windows;
  }

  /**
   * How many of a window pass, for records of that kind. Of deaths, slow and cut requests one: a
   * respawn loop is one event and its count.
   *
   * @param wanted the user's number; 0: nothing is folded
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
   * @param passes how many of a window may pass
   * @param values what differs between occurrences, as far as it is known
   * @return whether it goes out as an event of its own; else it is counted
   */
  public boolean passes(K fault, long micros, long passes, Supplier<Map<Varied, String>> values)
      throws IOException {
    StormWindow window = window(fault, micros);
    if (window.passed() < passes) {
      window.pass();
      return true;
    }
    window.count(micros, 1, values.get());
    return false;
  }

  /** Takes so many occurrences of about the same time that are to be counted in any case. */
  public void count(K fault, long micros, long times, Map<Varied, String> values)
      throws IOException {
    window(fault, micros).count(micros, times, values);
  }

  private StormWindow window(K fault, long micros) throws IOException {
    StormWindow window = touched.get(fault);
    if (window == null) {
      window = windows.stored(fault);
    }
    if (window != null && window.endsBefore(micros)) {
      windows.ended(fault, window);
      window = null;
    }
    if (window == null) {
      window = new StormWindow(micros);
    }
    touched.put(fault, window);
    return window;
  }

  /** The windows of all faults that were seen, as they are now. */
  public Map<K, StormWindow> touched() {
    return touched;
  }
}

package io.uwsgisentry.storm;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Counts how often each value came, in bounded memory: the algorithm "Space-Saving" (Metwally,
 * Agrawal, El Abbadi 2005). Up to {@value #KEPT} different values are counted exactly. Beyond that
 * a new value takes the place of the rarest; whatever is more frequent than one in {@value #KEPT}
 * is among those kept, and {@link Value#atLeast} never says too much. Not thread-safe.
 */
public final class TopValues {
  static final int KEPT = 32;
  private static final int LONGEST = 200;

  /**
   * A value that was counted.
   *
   * @param count how often it came, at most
   * @param over by how much {@code count} may be too high
   */
  public record Value(String text, long count, long over) {
    /** How often it came, at least; exact while there are few values. */
    public long atLeast() {
      return count - over;
    }
  }

  private final Map<String, Value> values = new LinkedHashMap<>();

  /** None yet. */
  public TopValues() {}

  /** Goes on counting from what {@link #values} gave. */
  public TopValues(List<Value> values) {
    values.forEach(value -> this.values.put(value.text(), value));
  }

  /** One more of that value. */
  public void add(String text) {
    add(text, 1);
  }

  /** So many more of that value; of a long one the first {@value #LONGEST} characters count. */
  void add(String text, long times) {
    String key = text.length() > LONGEST ? text.substring(0, LONGEST) : text;
    Value known = values.get(key);
    if (known != null) {
      values.put(key, new Value(key, known.count() + times, known.over()));
    } else if (values.size() < KEPT) {
      values.put(key, new Value(key, times, 0));
    } else {
      Value rarest = rarest();
      values.remove(rarest.text());
      values.put(key, new Value(key, rarest.count() + times, rarest.count()));
    }
  }

  private Value rarest() {
    return values.values().stream().min(Comparator.comparingLong(Value::count)).orElseThrow();
  }

  /** All that are kept, the first seen first. */
  public List<Value> values() {
    return List.copyOf(values.values());
  }

  /** The most frequent ones and how often each came at least, the most frequent first. */
  public Map<String, Long> top(int most) {
    List<Value> sorted = new ArrayList<>(values.values());
    sorted.sort(Comparator.comparingLong(Value::atLeast).reversed());
    Map<String, Long> top = new LinkedHashMap<>();
    for (Value value : sorted) {
      if (top.size() < most && value.atLeast() > 0) {
        top.put(value.text(), value.atLeast());
      }
    }
    return top;
  }
}

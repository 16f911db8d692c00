package io.uwsgisentry.redaction;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * What was found for the keys that were asked for last: events of one application repeat their
 * headers, frames and settings.
 */
final class Recent<K, V> {
  private final Map<K, V> found;

  /**
   * @param most how many are kept; the one that was not asked for the longest goes first
   */
  Recent(int most) {
    found =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
            return size() > most;
          }
        };
  }

  synchronized V get(K key, Function<K, V> otherwise) {
    V value = found.get(key);
    if (value == null) {
      value = otherwise.apply(key);
      found.put(key, value);
    }
    return value;
  }
}

package io.uwsgisentry.settings;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An option string, {@code key=value,key=value}, split exactly as uWSGI 2.0 splits it (its {@code
 * uwsgi_kvlist_parse} with {@code ,} and {@code =}), so that an ini means here what it means to
 * uWSGI's own plugins.
 *
 * <p>The rules, odd ones included. The string is read twice. First it is cut at commas; a backslash
 * makes the next character plain, whichever it is, and disappears; a backslash at the very end
 * disappears alone. Then each item is cut at its first {@code =}; in the key, a backslash that the
 * first reading left over (written {@code \\}) swallows itself and the next character, {@code =}
 * included. The value is what follows, untouched. Nothing is trimmed, quotes are plain characters,
 * an item without {@code =} and an empty item count for nothing, and of equal keys the last one
 * counts.
 */
public final class KeyValueList {

  /** One {@code key=value}; either may be empty. */
  public record Entry(String key, String value) {}

  private final List<Entry> entries;
  private final List<String> ignored;

  private KeyValueList(List<Entry> entries, List<String> ignored) {
    this.entries = entries;
    this.ignored = ignored;
  }

  public static KeyValueList parse(String text) {
    List<Entry> entries = new ArrayList<>();
    List<String> ignored = new ArrayList<>();
    StringBuilder item = new StringBuilder();
    boolean escaped = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (escaped) {
        item.append(c);
        escaped = false;
      } else if (c == ',') {
        add(item.toString(), entries, ignored);
        item.setLength(0);
      } else if (c == '\\') {
        escaped = true;
      } else {
        item.append(c);
      }
    }
    add(item.toString(), entries, ignored);
    return new KeyValueList(List.copyOf(entries), List.copyOf(ignored));
  }

  private static void add(String item, List<Entry> entries, List<String> ignored) {
    StringBuilder key = new StringBuilder();
    for (int i = 0; i < item.length(); i++) {
      char c = item.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == '=') {
        entries.add(new Entry(key.toString(), item.substring(i + 1)));
        return;
      } else {
        key.append(c);
      }
    }
    if (!item.isEmpty()) {
      ignored.add(item);
    }
  }

  /** All of them in the order of writing, equal keys included. */
  public List<Entry> entries() {
    return entries;
  }

  /** The items that uWSGI passes over because they have no {@code =}; most probably a mistake. */
  public List<String> ignored() {
    return ignored;
  }

  /** The last value of that key, or null where there is none. */
  public @Nullable String get(String key) {
    for (int i = entries.size() - 1; i >= 0; i--) {
      if (entries.get(i).key().equals(key)) {
        return entries.get(i).value();
      }
    }
    return null;
  }
}

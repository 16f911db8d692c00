package io.uwsgisentry.settings;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A pattern as shells have it for file names: {@code *} stands for any text, also none and also
 * more than one line, {@code ?} for one character, a backslash makes the next character plain. It
 * matches whole texts, letter case counts.
 *
 * <p>The parts between stars are looked for one after the other, each from where the one before
 * ended. Nothing is tried again, so the time grows with the text's length times the pattern's,
 * which {@link IgnoreRule} bounds.
 */
final class Wildcards {
  private static final char ANY_ONE = '\uffff';

  /** Between stars; the first is at the text's start, the last at its end. */
  private final List<String> parts;

  private Wildcards(List<String> parts) {
    this.parts = parts;
  }

  /** What is wrong with a pattern, null if nothing is. */
  static @Nullable String fault(String pattern) {
    int backslashes = 0;
    for (int i = pattern.length() - 1; i >= 0 && pattern.charAt(i) == '\\'; i--) {
      backslashes++;
    }
    return backslashes % 2 == 1 ? "it ends in a single backslash: write two" : null;
  }

  /** Of a pattern without a fault. */
  static Wildcards of(String pattern) {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      if (c == '*') {
        parts.add(part.toString());
        part.setLength(0);
      } else if (c == '?') {
        part.append(ANY_ONE);
      } else {
        part.append(c == '\\' && i + 1 < pattern.length() ? pattern.charAt(++i) : c);
      }
    }
    parts.add(part.toString());
    return new Wildcards(parts);
  }

  /** Whether it matches every text. */
  boolean isEverything() {
    return parts.size() > 1 && parts.stream().allMatch(String::isEmpty);
  }

  boolean matches(String text) {
    String first = parts.get(0);
    if (!at(text, 0, first)) {
      return false;
    }
    if (parts.size() == 1) {
      return text.length() == first.length();
    }
    String last = parts.get(parts.size() - 1);
    int end = text.length() - last.length();
    int from = first.length();
    for (String part : parts.subList(1, parts.size() - 1)) {
      while (from + part.length() <= end && !at(text, from, part)) {
        from++;
      }
      if (from + part.length() > end) {
        return false;
      }
      from += part.length();
    }
    return from <= end && at(text, end, last);
  }

  private static boolean at(String text, int from, String part) {
    if (from < 0 || from + part.length() > text.length()) {
      return false;
    }
    for (int i = 0; i < part.length(); i++) {
      if (part.charAt(i) != ANY_ONE && part.charAt(i) != text.charAt(from + i)) {
        return false;
      }
    }
    return true;
  }
}

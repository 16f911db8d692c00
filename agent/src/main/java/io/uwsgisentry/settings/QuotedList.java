package io.uwsgisentry.settings;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The value of {@code tags}, {@code extra}, {@code user} and {@code fingerprint}: parts separated
 * by semicolons, split as uWSGI's own {@code uwsgi_split_quoted} does.
 *
 * <p>Single and double quotes keep a semicolon and each other plain and disappear, anywhere in a
 * part; a backslash makes the next character plain, inside quotes too; an open quote reaches to the
 * end; a semicolon at the end adds no empty part.
 */
final class QuotedList {
  private QuotedList() {}

  static List<String> split(String text) {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    char quote = 0;
    boolean escaped = false;
    boolean open = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      open = true;
      if (escaped) {
        part.append(c);
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (quote != 0) {
        if (c == quote) {
          quote = 0;
        } else {
          part.append(c);
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == ';') {
        parts.add(part.toString());
        part.setLength(0);
        open = false;
      } else {
        part.append(c);
      }
    }
    if (open) {
      parts.add(part.toString());
    }
    return parts;
  }

  /**
   * Cuts each part at its first colon; of equal keys the last one counts.
   *
   * @param odd is given each part that has no key or no colon, which then is ignored; empty parts
   *     are passed over
   */
  static Map<String, String> pairs(String text, Consumer<String> odd) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String part : split(text)) {
      int colon = part.indexOf(':');
      if (colon > 0) {
        pairs.put(part.substring(0, colon), part.substring(colon + 1));
      } else if (!part.isEmpty()) {
        odd.accept(part);
      }
    }
    return pairs;
  }
}

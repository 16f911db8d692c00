package io.uwsgisentry.policy;

import io.uwsgisentry.event.Redaction;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Finds secrets by their names in texts that nobody structured for it: log lines, messages, and the
 * renderings of local variables. It knows {@code name=value}, {@code 'name': 'value'} (Python's
 * dictionaries, JSON), {@code ('name', 'value')} (headers as WSGI has them), {@code
 * "name"=>"value"} (Ruby's hashes) and {@code Authorization: value}.
 *
 * <p>Texts are cut off, badly quoted and made by clients, so nothing here relies on quotes that
 * match: names are looked for where they stand, and a value whose end is missing ends with the
 * text. One pass; no look behind or ahead is longer than {@link #MAX_NAME}, but for the value
 * itself, which is then skipped.
 */
final class SecretsInText {
  private static final int MAX_NAME = 100;

  /** Of these a log has {@code Name: value} up to the line's end. */
  private static final Set<String> HEADERS =
      Set.of("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key");

  private final Predicate<String> plainName;
  private final Predicate<String> quotedName;

  /**
   * @param plainName whether the value after {@code name=} is secret
   * @param quotedName whether the value of that key in a structure is
   */
  SecretsInText(Predicate<String> plainName, Predicate<String> quotedName) {
    this.plainName = plainName;
    this.quotedName = quotedName;
  }

  String filtered(String text) {
    StringBuilder out = null;
    int kept = 0;
    for (int i = 0; i < text.length(); i++) {
      int value =
          switch (text.charAt(i)) {
            case '=' -> assigned(text, i);
            case ':' -> header(text, i);
            case '\'', '"' -> keyed(text, i);
            default -> -1;
          };
      if (value < kept || value < 0) {
        continue;
      }
      int end = text.charAt(i) == ':' ? lineEnd(text, value) : valueEnd(text, value);
      if (end <= value) {
        continue;
      }
      if (out == null) {
        out = new StringBuilder(text.length());
      }
      char quote = text.charAt(value);
      String around = quote == '\'' || quote == '"' ? String.valueOf(quote) : "";
      out.append(text, kept, value).append(around).append(Redaction.FILTERED).append(around);
      kept = end;
      i = end - 1;
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  /** Where the value of {@code name=} at {@code equals} starts, or -1 if it is none of interest. */
  private int assigned(String text, int equals) {
    int after = equals + 1;
    if (after < text.length() && (text.charAt(after) == '=' || text.charAt(after) == '~')) {
      return -1;
    }
    int end = equals > 0 && text.charAt(equals - 1) == ' ' ? equals - 1 : equals;
    int start = end;
    while (start > 0 && end - start < MAX_NAME && nameChar(text.charAt(start - 1))) {
      start--;
    }
    if (start == end || !plainName.test(text.substring(start, end))) {
      return -1;
    }
    if (after < text.length() && text.charAt(after) == '>') {
      after++;
    }
    return spaces(text, after, 1);
  }

  /** The same for {@code Name: } at {@code colon}. */
  private static int header(String text, int colon) {
    if (colon + 1 >= text.length() || text.charAt(colon + 1) != ' ') {
      return -1;
    }
    int start = colon;
    while (start > 0 && colon - start < 20 && nameChar(text.charAt(start - 1))) {
      start--;
    }
    return HEADERS.contains(text.substring(start, colon).toLowerCase(Locale.ROOT)) ? colon + 2 : -1;
  }

  /** The same for a quoted name that starts at {@code quote}. */
  private int keyed(String text, int quote) {
    char mark = text.charAt(quote);
    int end = quote + 1;
    while (end < text.length() && end - quote <= MAX_NAME && keyChar(text.charAt(end))) {
      end++;
    }
    if (end >= text.length() || text.charAt(end) != mark || end == quote + 1) {
      return -1;
    }
    int sign = spaces(text, end + 1, 4);
    if (sign >= text.length()) {
      return -1;
    }
    char c = text.charAt(sign);
    int value =
        c == ':'
            ? sign + 1
            : text.startsWith("=>", sign)
                ? sign + 2
                : c == ',' && pair(text, quote) ? sign + 1 : -1;
    if (value < 0 || !quotedName.test(text.substring(quote + 1, end))) {
      return -1;
    }
    return spaces(text, value, 4);
  }

  /** {@code ('name', …}: the first of a tuple, which a list of headers is made of. */
  private static boolean pair(String text, int quote) {
    int before = quote - 1;
    if (before >= 0 && (text.charAt(before) == 'b' || text.charAt(before) == 'u')) {
      before--;
    }
    return before >= 0 && (text.charAt(before) == '(' || text.charAt(before) == '[');
  }

  private static int valueEnd(String text, int from) {
    int at = from;
    if (at + 1 < text.length()
        && "burf".indexOf(text.charAt(at)) >= 0
        && isQuote(text.charAt(at + 1))) {
      at++;
    }
    if (at >= text.length()) {
      return from;
    }
    char first = text.charAt(at);
    if (isQuote(first)) {
      return quotedEnd(text, at);
    }
    if (first == '[' || first == '{' || first == '(') {
      return bracketEnd(text, at);
    }
    while (at < text.length() && " \t\r\n&;,\"'<>)}]|`".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    // An opaque thing, rendered as its type.
    if (at == from && first == '<') {
      int close = text.indexOf('>', at);
      return close < 0 ? text.length() : close + 1;
    }
    return at;
  }

  private static int quotedEnd(String text, int open) {
    char mark = text.charAt(open);
    for (int at = open + 1; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == '\\') {
        at++;
      } else if (c == mark) {
        return at + 1;
      }
    }
    return text.length();
  }

  private static int bracketEnd(String text, int open) {
    int depth = 0;
    for (int at = open; at < text.length(); at++) {
      char c = text.charAt(at);
      if (isQuote(c)) {
        at = quotedEnd(text, at) - 1;
      } else if (c == '[' || c == '{' || c == '(') {
        depth++;
      } else if ((c == ']' || c == '}' || c == ')') && --depth == 0) {
        return at + 1;
      }
    }
    return text.length();
  }

  private static int lineEnd(String text, int from) {
    int at = from;
    while (at < text.length() && "\r\n\"'".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    return at;
  }

  private static int spaces(String text, int from, int most) {
    int at = from;
    while (at < text.length() && at - from < most && text.charAt(at) == ' ') {
      at++;
    }
    return at;
  }

  private static boolean isQuote(char c) {
    return c == '\'' || c == '"';
  }

  private static boolean nameChar(char c) {
    return Character.isLetterOrDigit(c)
        || c == '_'
        || c == '-'
        || c == '.'
        || c == '%'
        || c == '['
        || c == ']';
  }

  private static boolean keyChar(char c) {
    return Character.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.' || c == ' ' || c == '[';
  }
}

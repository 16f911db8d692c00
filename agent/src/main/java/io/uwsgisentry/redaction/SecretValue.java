package io.uwsgisentry.redaction;

import java.util.Locale;
import java.util.Set;

/**
 * Where a secret's value ends that starts at a given character. When in doubt it is longer: rather
 * a word too many is filtered than the rest of a password sent. A value whose end is missing ends
 * with the text.
 */
final class SecretValue {
  static final String FILTERED = Redaction.FILTERED;

  /** As {@code encodeURI()} leaves it between signs that it does not encode. */
  private static final String ENCODED_BLANK = "%20";

  private static final Set<String> SCHEMES =
      Set.of("bearer", "basic", "digest", "token", "negotiate", "bot", "apikey", "jwt");

  private SecretValue() {}

  /** A string, a structure, a call, or a word; with the strings that are added to it. */
  static int end(String text, int from) {
    if (text.startsWith(FILTERED, from)) {
      return from + FILTERED.length();
    }
    int escaped = Quotes.escapedEnd(text, from);
    if (escaped >= 0) {
      return escaped;
    }
    int end = one(text, from);
    while (end > from) {
      int more = added(text, end, Quotes.isQuote(text.charAt(end - 1)));
      if (more < 0) {
        return end;
      }
      end = one(text, more);
    }
    return end;
  }

  /** The same, where the value may be several addresses: {@code 192.0.2.7, 192.0.2.8}. */
  static int addressesEnd(String text, int from) {
    int end = end(text, from);
    while (end < text.length() && text.charAt(end) == ',') {
      int start = pastBlanks(text, end + 1, false);
      int at = start;
      while (at < text.length() && isOfAddress(text.charAt(at))) {
        at++;
      }
      if (at == start) {
        return end;
      }
      end = at;
    }
    return end;
  }

  /**
   * The end of the line.
   *
   * @param opening the quote before the header's name, which the value may end with, too
   */
  static int lineEnd(String text, int from, String opening) {
    int close = opening.isEmpty() ? -1 : Quotes.insideEnd(text, from, opening);
    if (close >= 0) {
      return close;
    }
    int at = from;
    while (at < text.length() && !isLineBreak(text.charAt(at))) {
      at++;
    }
    return at;
  }

  /** A word that is no string: up to a blank, or to what separates it from the next. */
  static int wordEnd(String text, int from) {
    int at = from;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '&' || c == '>' || isBlank(c) || isLineBreak(c)) {
        return at;
      }
      if (c == '(' || c == '[' || c == '{') {
        at = bracketEnd(text, at);
      } else if (separates(c) && !wordGoesOn(text, at)) {
        return Quotes.isQuote(c) ? Quotes.withoutBackslashes(text, from, at) : at;
      } else {
        at++;
      }
    }
    return at;
  }

  /**
   * Past the {@code |} or {@code >-} of YAML, and the line's end; {@code from} if none is there.
   */
  static int pastBlockSign(String text, int from) {
    if (from >= text.length() || "|>".indexOf(text.charAt(from)) < 0) {
      return from;
    }
    int at = from + 1;
    while (at < text.length() && at - from < 4 && "+-123456789".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    at = pastBlanks(text, at, false);
    return at < text.length() && isLineBreak(text.charAt(at)) ? pastBlanks(text, at, true) : from;
  }

  static int pastBlanks(String text, int from, boolean lines) {
    int at = from;
    while (at < text.length()) {
      if (isBlank(text.charAt(at)) || (lines && isLineBreak(text.charAt(at)))) {
        at++;
      } else if (text.startsWith(ENCODED_BLANK, at)) {
        at += ENCODED_BLANK.length();
      } else {
        break;
      }
    }
    return at;
  }

  static boolean isBlank(char c) {
    return c == ' ' || c == '\t' || (c >= 128 && Character.isSpaceChar(c));
  }

  static boolean isLineBreak(char c) {
    return c == '\n' || c == '\r';
  }

  private static int one(String text, int from) {
    if (from >= text.length()) {
      return from;
    }
    int quote = Quotes.start(text, from);
    if (quote >= 0) {
      return Quotes.end(text, quote);
    }
    char first = text.charAt(from);
    // An opaque thing, rendered as its type.
    if (first == '<') {
      int close = text.indexOf('>', from);
      return close < 0 ? text.length() : wordEnd(text, close + 1);
    }
    int end = wordEnd(text, from);
    int next = pastBlanks(text, end, false);
    return next > end
            && next < text.length()
            && end - from <= 9
            && SCHEMES.contains(text.substring(from, end).toLowerCase(Locale.ROOT))
        ? wordEnd(text, next)
        : end;
  }

  /**
   * Where a string goes on after another: {@code 'a' 'b'}, {@code 'a' + 'b'}, {@code a or 'b'}; -1
   * if it does not.
   */
  private static int added(String text, int end, boolean string) {
    int next = pastBlanks(text, end, false);
    if (next >= text.length()) {
      return -1;
    }
    boolean sign = true;
    int after = next;
    if (text.charAt(next) == '+') {
      after = next + 1;
    } else if (next > end && text.startsWith("or ", next)) {
      after = next + 3;
    } else if (text.startsWith("||", next) || text.startsWith("??", next)) {
      after = next + 2;
    } else {
      sign = false;
    }
    if (!sign && !string) {
      return -1;
    }
    after = pastBlanks(text, after, false);
    return Quotes.start(text, after) >= 0 ? after : -1;
  }

  private static int bracketEnd(String text, int open) {
    int depth = 0;
    int at = open;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (Quotes.isQuote(c)) {
        at = Quotes.end(text, at);
        continue;
      }
      at++;
      if (c == '[' || c == '{' || c == '(') {
        depth++;
      } else if ((c == ']' || c == '}' || c == ')') && --depth == 0) {
        return at;
      }
    }
    return text.length();
  }

  private static boolean separates(char c) {
    return ",;'\"<|`)]}".indexOf(c) >= 0;
  }

  /** Whether what separates words elsewhere is a part of this one: {@code ab,cd}. */
  private static boolean wordGoesOn(String text, int at) {
    int next = at + 1;
    if (next >= text.length() || text.startsWith(ENCODED_BLANK, next)) {
      return false;
    }
    char c = text.charAt(next);
    boolean loose = ",;|".indexOf(text.charAt(at)) >= 0;
    boolean isProse =
        Character.isLetterOrDigit(c)
            || (loose && c > ' ' && c < 127 && "\"'\\([{<&,;|`)]}>:=".indexOf(c) < 0);
    if (!isProse) {
      return false;
    }
    int end = next;
    while (end < text.length() && end - next < 40 && isOfName(text.charAt(end))) {
      end++;
    }
    return end >= text.length() || (text.charAt(end) != '=' && text.charAt(end) != ':');
  }

  private static boolean isOfName(char c) {
    return Character.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.';
  }

  private static boolean isOfAddress(char c) {
    return Character.digit(c, 16) >= 0 || c == '.' || c == ':';
  }
}

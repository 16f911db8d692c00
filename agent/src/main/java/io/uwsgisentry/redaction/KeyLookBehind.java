package io.uwsgisentry.redaction;

import static io.uwsgisentry.redaction.Quotes.isQuote;
import static io.uwsgisentry.redaction.SecretValue.isBlank;
import static io.uwsgisentry.redaction.SecretValue.isLineBreak;

/**
 * The name that stands before a sign in a text: bare, quoted, or as a subscript ({@code
 * config['KEY'] =}). Looked for backwards from the sign, so that each stretch of text is looked at
 * for one sign only.
 */
final class KeyLookBehind {
  /** A longer bare name is looked at from here on. */
  static final int MAX = 100;

  private final String text;
  private int from;
  private int to;
  private boolean quoted;

  KeyLookBehind(String text) {
    this.text = text;
  }

  int from() {
    return from;
  }

  int to() {
    return to;
  }

  boolean isQuoted() {
    return quoted;
  }

  /**
   * Looks for a name before a sign.
   *
   * @param floor how far back it may reach
   */
  boolean isBefore(int sign, int floor) {
    return isBefore(sign, floor, false);
  }

  /** The same for {@code =}, which may be a part of {@code +=}, {@code :=} and the like. */
  boolean isAssignedAt(int sign, int floor) {
    return isBefore(sign, floor, true);
  }

  /** A name that is not quoted and ends right there. */
  boolean isBareBefore(int end, int floor) {
    quoted = false;
    to = end;
    from = end;
    while (from > floor && end - from < MAX && isOfBareName(text.charAt(from - 1))) {
      from--;
      // An encoded blank or ampersand ends a name as the plain one does.
      int past = text.charAt(from) == '%' ? pastEncodedEnd(text, from) : from;
      if (past > from) {
        from = Math.min(past, end);
        break;
      }
    }
    if (to - from > 1 && from > floor && isEscape(text, from)) {
      from++;
    }
    return to > from;
  }

  private static int pastEncodedEnd(String text, int percent) {
    int code = percent + 1;
    while (text.startsWith("25", code)) {
      code += 2;
    }
    return text.startsWith("20", code) || text.startsWith("26", code) ? code + 2 : percent;
  }

  private boolean isBefore(int sign, int floor, boolean assignment) {
    int end = sign;
    while (end > floor && isBlank(text.charAt(end - 1))) {
      end--;
    }
    int beforeBlanks = end;
    while (end > floor && (isBlank(text.charAt(end - 1)) || isLineBreak(text.charAt(end - 1)))) {
      end--;
    }
    if (end == floor) {
      return false;
    }
    char last = text.charAt(end - 1);
    if (last == ']' && end - 2 >= floor && isQuote(text.charAt(end - 2))) {
      end--;
      last = text.charAt(end - 1);
    }
    quoted = isQuote(last);
    if (quoted) {
      to = end - 1;
      while (to > floor && text.charAt(to - 1) == '\\') {
        to--;
      }
      from = to;
      while (from > floor && isOfKey(text.charAt(from - 1)) && !isBehindFiltered(text, from)) {
        from--;
      }
      return to > from;
    }
    end = beforeBlanks;
    // += and := and the like
    while (assignment && end > floor && sign - end < 2 && isOfSign(text.charAt(end - 1))) {
      end--;
    }
    while (end > floor && isBlank(text.charAt(end - 1))) {
      end--;
    }
    return isBareBefore(end, floor);
  }

  /**
   * Whether a word may start there: not within one. The letter of an escape ({@code \n}) and the
   * end of a terminal's colour are no part of what follows them.
   */
  static boolean startsWord(String text, int at) {
    if (at <= 0 || !isOfName(text.charAt(at - 1))) {
      return !isBehindFiltered(text, at);
    }
    return isEscape(text, at - 1) || isColour(text, at - 1);
  }

  /** Where a secret was cut out, what is left begins nothing: it did not before, either. */
  static boolean isBehindFiltered(String text, int at) {
    int length = SecretValue.FILTERED.length();
    return at >= length
        && text.charAt(at - 1) == ']'
        && text.startsWith(SecretValue.FILTERED, at - length);
  }

  /** The letter of {@code \n}, {@code \r} or {@code \t}. */
  private static boolean isEscape(String text, int at) {
    char c = text.charAt(at);
    return (c == 'n' || c == 'r' || c == 't') && at > 0 && text.charAt(at - 1) == '\\';
  }

  private static boolean isColour(String text, int at) {
    if (text.charAt(at) != 'm') {
      return false;
    }
    int start = at;
    while (start > 0
        && at - start < 12
        && (text.charAt(start - 1) == ';' || Character.isDigit(text.charAt(start - 1)))) {
      start--;
    }
    return start > 0 && text.charAt(start - 1) == '[';
  }

  private static boolean isOfSign(char c) {
    return c == ':' || c == '+' || c == '?' || c == '|';
  }

  private static boolean isOfKey(char c) {
    return c != '\'' && c != '"' && c != '\\' && c != '\n';
  }

  static boolean isOfName(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '_'
        || c == '-'
        || (c >= 128 && Character.isLetterOrDigit(c));
  }

  private static boolean isOfBareName(char c) {
    return isOfName(c) || c == '.' || c == '%' || c == '[' || c == ']';
  }
}

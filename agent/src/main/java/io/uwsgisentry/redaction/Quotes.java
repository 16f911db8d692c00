package io.uwsgisentry.redaction;

/** Strings in texts, quoted and escaped as many languages do. */
final class Quotes {
  private Quotes() {}

  /** The quote at {@code from} with what escapes it ({@code \"}), empty if there is none. */
  static String opening(String text, int from) {
    int quote = pastBackslashes(text, from);
    return quote < text.length() && isQuote(text.charAt(quote))
        ? text.substring(from, quote + 1)
        : "";
  }

  /** Past {@code rb} of {@code rb'…'}. */
  private static int pastPrefix(String text, int from) {
    int at = from;
    while (at < text.length() && at - from < 2 && "bBuUrRfF".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    return at;
  }

  private static int pastBackslashes(String text, int from) {
    int at = from;
    while (at < text.length() && text.charAt(at) == '\\') {
      at++;
    }
    return at;
  }

  static int withoutBackslashes(String text, int from, int end) {
    int at = end;
    while (at > from && text.charAt(at - 1) == '\\') {
      at--;
    }
    return at;
  }

  /** Past a string that starts at {@code open}, three quotes included. */
  static int end(String text, int open) {
    char mark = text.charAt(open);
    int filtered = open + 1 + SecretValue.FILTERED.length();
    if (text.startsWith(SecretValue.FILTERED, open + 1)
        && filtered < text.length()
        && text.charAt(filtered) == mark) {
      return filtered + 1;
    }
    String three = String.valueOf(mark).repeat(3);
    if (text.startsWith(three, open)) {
      int close = text.indexOf(three, open + 3);
      return close < 0 ? text.length() : close + 3;
    }
    int close = close(text, open + 1, false, mark, 0);
    return close < 0 ? text.length() : close + 1;
  }

  /**
   * The backslash or quote with which a string closes, -1: none. A quote inside of a string that is
   * itself in one has more backslashes than the string's own.
   *
   * @param line whether to look no further than the line's end
   * @param escapes how many backslashes the opening quote has
   */
  private static int close(String text, int from, boolean line, char mark, int escapes) {
    int run = 0;
    for (int at = from; at < text.length(); at++) {
      char c = text.charAt(at);
      if (line && SecretValue.isLineBreak(c)) {
        return -1;
      }
      if (c == '\\') {
        run++;
        continue;
      }
      if (c == mark && (run < escapes || run % (2 * (escapes + 1)) == escapes)) {
        // One inside of a word is none: 'it's mine'.
        boolean inWord =
            escapes == 0
                && at + 1 < text.length()
                && Character.isLetterOrDigit(text.charAt(at + 1));
        if (!inWord) {
          return at - Math.min(run, escapes);
        }
      }
      run = 0;
    }
    return -1;
  }

  /** Past the quote that {@link #close} found; before it, if it is another string's. */
  private static int closes(String text, int close, int escapes) {
    int quote = pastBackslashes(text, close);
    return quote - close == escapes ? quote + 1 : close;
  }

  static boolean isQuote(char c) {
    return c == '\'' || c == '"';
  }

  /** Where a string with that prefix starts: at {@code '} of {@code rb'…'}; -1: there is none. */
  static int start(String text, int from) {
    int at = pastPrefix(text, from);
    return at < text.length() && isQuote(text.charAt(at)) ? at : -1;
  }

  /** The end of a string whose quotes are escaped ({@code \"…\"}), -1 if none starts there. */
  static int escapedEnd(String text, int from) {
    int quote = pastBackslashes(text, from);
    if (quote == from || quote == text.length() || !isQuote(text.charAt(quote))) {
      return -1;
    }
    int close = close(text, quote + 1, false, text.charAt(quote), quote - from);
    return close < 0 ? text.length() : closes(text, close, quote - from);
  }

  /**
   * Where the string ends that the value at {@code from} stands in, its quote not included; -1 if
   * the line ends before it.
   */
  static int insideEnd(String text, int from, String opening) {
    return close(text, from, true, opening.charAt(opening.length() - 1), opening.length() - 1);
  }
}

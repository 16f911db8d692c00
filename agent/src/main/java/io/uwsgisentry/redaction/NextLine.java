package io.uwsgisentry.redaction;

/**
 * A value alone on the line after its name, as forms, mails and YAML have it. Only a word that is
 * none of a language counts: {@code password:} may as well have a sentence or a heading below it.
 */
final class NextLine {
  private static final int SHORTEST = 5;
  private static final int LONGEST = 200;

  /** What joins the words of no language, but those of passwords. */
  private static final String SIGNS = "!@#$^*+~";

  private NextLine() {}

  /**
   * Where the value starts.
   *
   * @param from behind the colon and blanks
   * @return {@code from} if the next line has no value
   */
  static int start(String text, int from) {
    int at = pastLineBreak(text, pastLineBreak(text, from));
    if (at == from) {
      return from;
    }
    int end = end(text, at);
    boolean isValue =
        text.startsWith(SecretValue.FILTERED, at)
            ? end == at + SecretValue.FILTERED.length()
            : isNoWord(text, at, end);
    int behind = SecretValue.pastBlanks(text, end, false);
    return isValue && (behind >= text.length() || SecretValue.isLineBreak(text.charAt(behind)))
        ? at
        : from;
  }

  static int end(String text, int from) {
    int end = from;
    while (end < text.length() && end - from < LONGEST && isOfWord(text.charAt(end))) {
      end++;
    }
    return end;
  }

  private static int pastLineBreak(String text, int from) {
    int at = from;
    if (text.startsWith("\r", at)) {
      at++;
    }
    if (text.startsWith("\n", at)) {
      at++;
    }
    int word = at;
    while (at > from && word < text.length() && word - at < LONGEST && text.charAt(word) == ' ') {
      word++;
    }
    return word;
  }

  private static boolean isOfWord(char c) {
    return c > ' ' && c < 127 && ":'\"<>(){}=,;`&%".indexOf(c) < 0;
  }

  private static boolean isNoWord(String text, int from, int end) {
    boolean letter = false;
    boolean digit = false;
    boolean sign = false;
    for (int at = from; at < end; at++) {
      char c = text.charAt(at);
      letter |= Character.isLetter(c);
      digit |= Character.isDigit(c);
      sign |= letter && at + 1 < end && SIGNS.indexOf(c) >= 0;
    }
    return end - from >= SHORTEST
        && letter
        && (digit || sign)
        && "/.-[".indexOf(text.charAt(from)) < 0;
  }
}

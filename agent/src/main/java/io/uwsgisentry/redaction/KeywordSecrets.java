package io.uwsgisentry.redaction;

import static io.uwsgisentry.redaction.SecretValue.pastBlanks;

/**
 * What a word alone tells to be a secret, without a sign between the two: {@code Bearer …}, {@code
 * Basic …}, {@code IDENTIFIED BY '…'}, {@code PASSWORD '…'}, {@code -----BEGIN PRIVATE KEY-----}.
 */
final class KeywordSecrets {
  private final String text;
  private int from;
  private int to;

  KeywordSecrets(String text) {
    this.text = text;
  }

  int from() {
    return from;
  }

  int to() {
    return to;
  }

  /** A private key as PEM has it. */
  private boolean key(int sign) {
    int end = sign + 11;
    while (end < text.length() && end - sign < 60 && isOfLabel(text.charAt(end))) {
      end++;
    }
    int label = text.startsWith(" BLOCK", end - 6) ? end - 6 : end;
    if (!text.startsWith("-----", end) || !text.startsWith("PRIVATE KEY", label - 11)) {
      return false;
    }
    from = end + 5;
    int close = text.indexOf("-----END ", from);
    to = close < 0 ? text.length() : close;
    return true;
  }

  private static boolean isOfLabel(char c) {
    return (c >= 'A' && c <= 'Z') || c == ' ';
  }

  /**
   * @param sign where the word starts
   * @param floor what is before does not count
   */
  boolean finds(int sign, int floor) {
    if (text.startsWith("-----BEGIN ", sign)) {
      return key(sign);
    }
    if (sign > floor && !KeyLookBehind.startsWord(text, sign)) {
      return false;
    }
    if (text.regionMatches(true, sign, "by ", 0, 3)) {
      return string(sign + 2, isIdentified(sign, floor));
    }
    if (text.regionMatches(true, sign, "password ", 0, 9)) {
      return string(sign + 8, true);
    }
    if (text.regionMatches(true, sign, "password(", 0, 9)) {
      return string(sign + 9, true);
    }
    return text.regionMatches(true, sign, "basic ", 0, 6) ? basic(sign) : bearer(sign);
  }

  /** {@code IDENTIFIED BY}, {@code IDENTIFIED WITH mysql_native_password BY}. */
  private boolean isIdentified(int by, int floor) {
    for (int at = by - 11; at >= floor && by - at < 60; at--) {
      if (text.regionMatches(true, at, "identified ", 0, 11)) {
        return true;
      }
    }
    return false;
  }

  /** A string of SQL's, behind a blank. */
  private boolean string(int blank, boolean expected) {
    from = pastBlanks(text, blank, false);
    if (!expected || !Quotes.isQuote(charAt(from))) {
      return false;
    }
    to = SecretValue.end(text, from);
    return true;
  }

  /** {@code Basic am9lOmh1c2g=}: only what has a user and a password in it. */
  private boolean basic(int sign) {
    from = pastBlanks(text, sign + 6, false);
    if (text.startsWith(SecretValue.FILTERED, from)) {
      to = from + SecretValue.FILTERED.length();
      return true;
    }
    to = from;
    while (to < text.length() && isOfBase64(text.charAt(to))) {
      to++;
    }
    return HeaderNames.isUserAndPassword(text.substring(from, Math.min(to, from + 400)));
  }

  private static boolean isOfBase64(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '+'
        || c == '/'
        || c == '='
        || c == '-'
        || c == '_';
  }

  /** {@code Bearer …} without the header's name. */
  private boolean bearer(int sign) {
    if (!text.regionMatches(true, sign, "bearer", 0, 6)) {
      return false;
    }
    from = pastBlanks(text, sign + 6, false);
    if (from == sign + 6 || ProseFilter.isProse(text, from)) {
      return false;
    }
    to = SecretValue.end(text, from);
    return true;
  }

  private char charAt(int at) {
    return at < text.length() ? text.charAt(at) : '\0';
  }
}

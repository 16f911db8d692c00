package io.uwsgisentry.redaction;

/**
 * Tokens in the paths of links that log a user in: {@code /reset/MQ/c0kh45-…/} as Django makes
 * them, {@code /passwords/…/edit} of Rails, {@code /reset-password/…} of Laravel, invitations,
 * confirmations. Whoever has such an address, from a Referer or a log, has the account.
 *
 * <p>What stands behind a path's part that is named so is a token if it is long and no words: a
 * UUID is one, {@code choose-a-new-one} or a file's name is none.
 */
final class TokenInPath {
  private static final NameList NAMES =
      new NameList(
          "reset",
          "password",
          "passwort",
          "recover",
          "activat",
          "confirm",
          "verif",
          "invit",
          "magic",
          "unlock",
          "unsubscrib",
          "signin",
          "login",
          "onetime");

  private static final int REACH = 4;
  private static final int SHORTEST = 16;
  private static final int LONGEST_NAME = 60;

  private TokenInPath() {}

  static String filtered(String text) {
    StringBuilder out = null;
    int kept = 0;
    int reach = 0;
    int at = text.indexOf('/');
    while (at >= 0) {
      int end = at + 1;
      while (end < text.length() && isOfPart(text.charAt(end))) {
        end++;
      }
      if (reach > 0 && isToken(text, at + 1, end)) {
        out = out == null ? new StringBuilder(text.length()) : out;
        out.append(text, kept, at + 1).append(SecretValue.FILTERED);
        kept = end;
      }
      reach = isNamed(text, at + 1, end) ? REACH : reach - 1;
      if (end < text.length() && text.charAt(end) == '/') {
        at = end;
      } else {
        reach = 0;
        at = text.indexOf('/', end);
      }
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  private static boolean isNamed(String text, int from, int to) {
    if (to - from > LONGEST_NAME || to - from < 5) {
      return false;
    }
    char[] letters = new char[to - from];
    int length = 0;
    for (int at = from; at < to; at++) {
      char c = text.charAt(at);
      if (Character.isLetter(c)) {
        letters[length++] = Character.toLowerCase(c);
      }
    }
    return NAMES.isIn(letters, 0, length);
  }

  /** Whether a stretch without separators has letters and digits mixed, as no word has. */
  private static boolean isToken(String text, int from, int to) {
    if (to - from < SHORTEST) {
      return false;
    }
    for (int ending = 2; ending <= 6; ending++) {
      if (text.charAt(to - ending) == '.') {
        return false; // a file
      }
    }
    int start = from;
    boolean digit = false;
    boolean letter = false;
    for (int at = from; at <= to; at++) {
      char c = at < to ? text.charAt(at) : '-';
      if (c >= '0' && c <= '9') {
        digit = true;
      } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        letter = true;
      } else {
        if (digit && letter && at - start >= 8) {
          return true;
        }
        start = at + 1;
        digit = false;
        letter = false;
      }
    }
    return false;
  }

  private static boolean isOfPart(char c) {
    return KeyLookBehind.isOfName(c) || c == '.' || c == '~' || c == ':' || c == '=' || c == '@';
  }
}

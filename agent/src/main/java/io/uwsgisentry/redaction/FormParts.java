package io.uwsgisentry.redaction;

/**
 * Fields of a multipart form, raw or as a language writes such a text: {@code Content-Disposition:
 * form-data; name="password"}, a blank line, and the value up to the next boundary.
 */
final class FormParts {
  private static final String SIGN = "form-data;";
  private static final int MAX_HEAD = 1000;

  private FormParts() {}

  static String filtered(String text, SensitiveNames names) {
    int sign = text.indexOf(SIGN);
    if (sign < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length());
    int kept = 0;
    while (sign >= 0) {
      int from = pastHead(text, sign);
      int next = text.indexOf(SIGN, sign + SIGN.length());
      if (from >= 0 && (next < 0 || from <= next) && isSecret(text, sign, from, names)) {
        int to = valueEnd(text, from, next < 0 ? text.length() : next);
        out.append(text, kept, from).append(SecretValue.FILTERED);
        kept = to;
      }
      sign = next;
    }
    return out.append(text, kept, text.length()).toString();
  }

  private static boolean isSecret(String text, int from, int to, SensitiveNames names) {
    int name = text.indexOf("name=", from);
    if (name < 0 || name >= to) {
      return false;
    }
    int start = name + 5;
    while (start < to && "\\\"' ".indexOf(text.charAt(start)) >= 0) {
      start++;
    }
    int end = start;
    while (end < to && "\\\"';\r\n".indexOf(text.charAt(end)) < 0) {
      end++;
    }
    SensitiveNames.Meaning meaning = names.of(text, start, end);
    return meaning == SensitiveNames.Meaning.SECRET || meaning == SensitiveNames.Meaning.SUBJECT;
  }

  /** Behind the blank line that ends the part's head; -1 if there is none. */
  private static int pastHead(String text, int from) {
    int most = Math.min(text.length(), from + MAX_HEAD);
    int at = from;
    int lines = 0;
    while (at < most) {
      int past = pastBreak(text, at);
      if (past > at) {
        lines++;
        at = past;
        if (lines == 2) {
          return at;
        }
      } else {
        lines = 0;
        at++;
      }
    }
    return -1;
  }

  private static int valueEnd(String text, int from, int most) {
    if (text.startsWith(SecretValue.FILTERED, from)) {
      return from + SecretValue.FILTERED.length();
    }
    for (int at = from; at < most; at++) {
      int past = pastBreak(text, at);
      if (past > at && text.startsWith("--", past)) {
        return at;
      }
    }
    return most;
  }

  /** A line's end, as it is or as {@code \r\n} in a string, however often that was quoted. */
  private static int pastBreak(String text, int from) {
    int at = from;
    if (at < text.length() && text.charAt(at) == '\r') {
      at++;
    }
    if (at < text.length() && text.charAt(at) == '\n') {
      return at + 1;
    }
    int past = pastEscape(text, from, 'r');
    int end = pastEscape(text, past, 'n');
    return end > past ? end : from;
  }

  private static int pastEscape(String text, int from, char kind) {
    int at = from;
    while (at < text.length() && at - from < 8 && text.charAt(at) == '\\') {
      at++;
    }
    return at > from && at < text.length() && text.charAt(at) == kind ? at + 1 : from;
  }
}

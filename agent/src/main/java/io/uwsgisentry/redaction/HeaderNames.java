package io.uwsgisentry.redaction;

import java.util.Base64;
import java.util.List;

/** Names in running text that tell how far their value goes, or that it is none. */
final class HeaderNames {
  /** Of these a log has {@code Name: value} up to the line's end. */
  private static final List<String> WHOLE_LINE =
      List.of(
          "authorization",
          "proxy-authorization",
          "cookie",
          "cookie2",
          "set-cookie",
          "x-api-key",
          "stripe-signature",
          "signature-input",
          "x-signature");

  private static final List<String> OF_NAMES = List.of("name", "key", "type", "field", "param");

  private static final List<String> FORWARDED =
      List.of("for=", "by=", "host=", "proto=", SecretValue.FILTERED);

  private static final List<String> FAILURES =
      List.of(
          "error",
          "errors",
          "exception",
          "warning",
          "failure",
          "failed",
          "expired",
          "denied",
          "missing",
          "required",
          "invalid");

  private static final int LONG_CODE = 16;

  /** A code of letters and digits, which none of a country or an error is. */
  private static final int MIXED_CODE = 10;

  private HeaderNames() {}

  static boolean has(String text, int from, int to) {
    for (int i = 0; i < WHOLE_LINE.size(); i++) {
      if (is(WHOLE_LINE.get(i), text, from, to)) {
        return true;
      }
    }
    return hasVariable(text, from, to);
  }

  /** Whether the value of a key of that name is a name itself: {@code {'name': 'password'}}. */
  static boolean isOfNames(String text, int from, int to) {
    for (int i = 0; i < OF_NAMES.size(); i++) {
      if (is(OF_NAMES.get(i), text, from, to)) {
        return true;
      }
    }
    return false;
  }

  /** As CGI calls them: {@code HTTP_COOKIE}. */
  static boolean hasVariable(String text, int from, int to) {
    return is("http_cookie", text, from, to) || is("http_authorization", text, from, to);
  }

  /** Whether the name is of something that went wrong: {@code TokenError}. */
  static boolean isOfFailure(String text, int from, int to) {
    for (int i = 0; i < FAILURES.size(); i++) {
      int length = FAILURES.get(i).length();
      if (to - from > length && is(FAILURES.get(i), text, to - length, to)) {
        return true;
      }
    }
    return false;
  }

  /** It says the same about the client as {@code X-Forwarded-For}. */
  static boolean isForwarded(String text, int from, int to) {
    return is("forwarded", text, from, to) || is("http_forwarded", text, from, to);
  }

  /** Whether a value of that header starts there, and no sentence. */
  static boolean forwards(String text, int from) {
    for (String parameter : FORWARDED) {
      if (text.regionMatches(true, from, parameter, 0, parameter.length())) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether a parameter of an address is enough to log in: OAuth's code, CAS's ticket. Both are
   * words that others use, too, with short values.
   */
  static boolean isSpentOnce(String text, int from, int to, int value) {
    if (is("ticket", text, from, to)) {
      return text.startsWith("ST-", value)
          || text.startsWith("PT-", value)
          || text.startsWith(SecretValue.FILTERED, value);
    }
    if (!is("code", text, from, to)) {
      return false;
    }
    if (text.startsWith(SecretValue.FILTERED, value)) {
      return true;
    }
    int at = value;
    boolean digit = false;
    boolean letter = false;
    while (at < text.length() && at - value < LONG_CODE && isOfCode(text.charAt(at))) {
      digit |= Character.isDigit(text.charAt(at));
      letter |= Character.isLetter(text.charAt(at));
      at++;
    }
    return at - value == LONG_CODE || (at - value >= MIXED_CODE && digit && letter);
  }

  private static boolean isOfCode(char c) {
    return KeyLookBehind.isOfName(c) || c == '.' || c == '~' || c == '/' || c == '+' || c == '%';
  }

  /** Whether it is what {@code Authorization: Basic} has, or the start of it. */
  static boolean isUserAndPassword(String base64) {
    int whole = base64.replaceAll("=+$", "").length();
    // A rest of one character is no byte.
    String code = base64.substring(0, whole % 4 == 1 ? whole - 1 : whole);
    try {
      byte[] decoded = Base64.getDecoder().decode(code.replace('-', '+').replace('_', '/'));
      boolean colon = false;
      for (byte b : decoded) {
        if (b >= 0 && b < ' ') {
          return false;
        }
        colon |= b == ':';
      }
      return colon;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  static boolean is(String name, String text, int from, int to) {
    return name.length() == to - from && text.regionMatches(true, from, name, 0, to - from);
  }
}

package io.uwsgisentry.policy;

import java.util.List;

/** Names in running text that tell how far their value goes, or that it is none. */
final class HeaderNames {
  /** Of these a log has {@code Name: value} up to the line's end. */
  private static final List<String> WHOLE_LINE =
      List.of(
          "authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie", "x-api-key");

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

  private HeaderNames() {}

  static boolean has(String text, int from, int to) {
    for (int i = 0; i < WHOLE_LINE.size(); i++) {
      if (is(WHOLE_LINE.get(i), text, from, to)) {
        return true;
      }
    }
    return hasVariable(text, from, to);
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

  private static boolean is(String name, String text, int from, int to) {
    return name.length() == to - from && text.regionMatches(true, from, name, 0, to - from);
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.redaction.Redaction;
import java.util.regex.Pattern;

/**
 * What Sentry groups and counts requests by: {@code GET /orders/{id}}. Never the address as the
 * client sent it, which would make every order a transaction of its own.
 */
final class TransactionName {
  private static final String PLACEHOLDER = "{id}";
  private static final Pattern WHOLE =
      Pattern.compile(
          "\\d+|\\d{4}-\\d{2}(?:-\\d{2})?|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
              + "|(?=.*\\d)[0-9a-fA-F]{8,}|(?=.*\\d)[\\w.~=-]{20,}|.*[@%\\p{Cntrl}].*|.{60,}",
          Pattern.DOTALL);
  private static final Pattern PART =
      Pattern.compile("(?<![0-9A-Za-z])(?=[0-9a-fA-F]*\\d)[0-9a-fA-F]{8,}|\\d{3,}");

  private TransactionName() {}

  /**
   * @param method the request's method, may be empty
   * @param path decoded or not, with or without a query, which is dropped
   */
  static String of(String method, String path) {
    StringBuilder name = new StringBuilder(method).append(method.isEmpty() ? "" : " ");
    int end = path.length();
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '?' || c == '#' || c == ';') {
        end = i;
        break;
      }
    }
    String rest = path.substring(0, end);
    if (rest.isEmpty()) {
      return name.append('/').toString();
    }
    int at = 0;
    while (at < rest.length()) {
      int slash = rest.indexOf('/', at);
      int stop = slash < 0 ? rest.length() : slash;
      name.append(segment(rest.substring(at, stop)));
      if (slash >= 0) {
        name.append('/');
      }
      at = stop + 1;
    }
    return name.toString();
  }

  private static String segment(String segment) {
    if (segment.equals(Redaction.FILTERED)) {
      return PLACEHOLDER;
    }
    boolean plain = segment.length() < 60;
    for (int i = 0; i < segment.length() && plain; i++) {
      char c = segment.charAt(i);
      plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    }
    if (plain) {
      return segment;
    }
    if (WHOLE.matcher(segment).matches()) {
      return PLACEHOLDER;
    }
    return PART.matcher(segment).replaceAll(PLACEHOLDER);
  }
}

package io.uwsgisentry.event;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The trace that a request belongs to, by the header of Sentry's SDKs ({@code sentry-trace}) or of
 * W3C ({@code traceparent}): with it Sentry shows an event beside those of the services that
 * called.
 */
final class TraceContext {
  private static final Pattern SENTRY =
      Pattern.compile("\\s*([0-9a-fA-F]{32})-([0-9a-fA-F]{16})(?:-[01]?)?\\s*");

  private static final Pattern W3C =
      Pattern.compile(
          "\\s*(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?\\s*");

  private TraceContext() {}

  /**
   * Sentry's trace context; null where no header says a trace.
   *
   * @param event the event's id, random hexadecimal digits: the request's own span is made of it
   */
  static @Nullable Map<String, Object> of(Map<String, String> vars, String event) {
    Map<String, Object> trace = of(SENTRY, vars.getOrDefault("HTTP_SENTRY_TRACE", ""), event);
    return trace != null ? trace : of(W3C, vars.getOrDefault("HTTP_TRACEPARENT", ""), event);
  }

  private static @Nullable Map<String, Object> of(Pattern form, String header, String event) {
    Matcher matcher = header.length() > 256 ? null : form.matcher(header);
    if (matcher == null
        || !matcher.matches()
        || isZero(matcher.group(1))
        || isZero(matcher.group(2))) {
      return null;
    }
    return Map.of(
        "trace_id",
        matcher.group(1).toLowerCase(Locale.ROOT),
        "parent_span_id",
        matcher.group(2).toLowerCase(Locale.ROOT),
        "span_id",
        event.substring(0, 16),
        "op",
        "http.server");
  }

  private static boolean isZero(String digits) {
    return digits.chars().allMatch(c -> c == '0');
  }
}

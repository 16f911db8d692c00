package io.uwsgisentry.event;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The level of a log line, in Sentry's words, if the line names one. Formats differ, but nearly all
 * write the level as a word in capitals near the start ({@code ERROR:root:…}, {@code 2026-01-01
 * 12:00:00,000 ERROR …}, {@code E, [… #1] ERROR -- : …}), in brackets, or by a name.
 */
final class LogLevel {
  private static final int FAR = 120;

  private static final Map<String, String> WORDS =
      Map.ofEntries(
          Map.entry("TRACE", "debug"),
          Map.entry("DEBUG", "debug"),
          Map.entry("INFO", "info"),
          Map.entry("NOTICE", "info"),
          Map.entry("WARN", "warning"),
          Map.entry("WARNING", "warning"),
          Map.entry("ERROR", "error"),
          Map.entry("ERR", "error"),
          Map.entry("SEVERE", "error"),
          Map.entry("CRITICAL", "fatal"),
          Map.entry("CRIT", "fatal"),
          Map.entry("FATAL", "fatal"),
          Map.entry("ALERT", "fatal"),
          Map.entry("EMERGENCY", "fatal"),
          Map.entry("PANIC", "fatal"));

  private static final Pattern CAPITALS =
      Pattern.compile("(?<![\\w.=/-])(" + String.join("|", WORDS.keySet()) + ")(?![\\w./-])");

  private static final Pattern MARKED =
      Pattern.compile(
          "(?i)(?:\\[|<|\\b(?:level|levelname|severity|lvl)\"?[=:]\\s?\"?)("
              + String.join("|", WORDS.keySet())
              + ")(?:\\]|>|\"|[\\s,;}]|$)");

  private static final Pattern PHP =
      Pattern.compile(
          "PHP (Fatal error|Parse error|Recoverable fatal error|Warning|Notice|Deprecated):");

  private LogLevel() {}

  static String of(String line) {
    String start = line.length() > FAR ? line.substring(0, FAR) : line;
    Matcher php = PHP.matcher(start);
    if (php.find()) {
      return switch (php.group(1)) {
        case "Warning", "Deprecated" -> "warning";
        case "Notice" -> "info";
        default -> "error";
      };
    }
    if (start.startsWith("[uwsgi-perl error]") || start.startsWith("Traceback (most recent call")) {
      return "error";
    }
    Matcher marked = MARKED.matcher(start);
    if (marked.find()) {
      return WORDS.getOrDefault(marked.group(1).toUpperCase(Locale.ROOT), "info");
    }
    Matcher capitals = CAPITALS.matcher(start);
    return capitals.find() ? WORDS.getOrDefault(capitals.group(1), "info") : "info";
  }
}

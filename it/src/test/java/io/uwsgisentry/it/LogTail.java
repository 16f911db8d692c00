package io.uwsgisentry.it;

import java.util.List;

/** The last lines of a log, in the report of a failed test. */
final class LogTail extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int LINES = 60;

  LogTail(String name, String text) {
    super(name + ":\n" + last(text), null, false, false);
  }

  private static String last(String text) {
    List<String> lines = text.lines().toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - LINES), lines.size()));
  }
}

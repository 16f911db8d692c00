package io.uwsgisentry.cli;

/**
 * The exit codes of every command, as their {@code --help} and {@code docs/operations.md} tell
 * them.
 */
final class ExitCode {
  static final int DONE = 0;

  /** The command could look, and the answer is no. */
  static final int NO = 1;

  /** Unknown command or option, or a value that cannot be. Picocli's own. */
  static final int USAGE = 2;

  /** There is nothing to look at: no directory, no rights, a damaged file. */
  static final int UNAVAILABLE = 3;

  static final String DONE_LINE = "0:done";
  static final String USAGE_LINE = "2:wrong usage";
  static final String UNAVAILABLE_LINE = "3:the state directory is missing or cannot be read";

  private ExitCode() {}
}

package io.uwsgisentry.log;

import java.util.function.Consumer;

/** What the agent has to say to the operator of the server, in {@code agent.log}. */
@FunctionalInterface
public interface Log {
  /** {@code docs/operations.md} says what each asks of an operator. */
  enum Level {
    /** Something does not work at all until it is fixed. */
    ERROR,
    /** Something needs a look; the text says what to do. */
    WARN,
    /** Nothing to do. */
    INFO
  }

  void write(Level level, String text);

  default void error(String text) {
    write(Level.ERROR, text);
  }

  default void warn(String text) {
    write(Level.WARN, text);
  }

  default void info(String text) {
    write(Level.INFO, text);
  }

  /** A log whose lines, with their level, go there. */
  static Log to(Consumer<String> lines) {
    return (level, text) -> lines.accept(level + " " + text);
  }
}

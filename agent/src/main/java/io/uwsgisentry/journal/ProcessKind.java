package io.uwsgisentry.journal;

import java.util.Locale;

/**
 * Which of uWSGI's processes wrote a record; the ordinal is the code of {@code docs/journal.md}.
 */
public enum ProcessKind {
  UNKNOWN,
  MASTER,
  WORKER,
  MULE,
  SPOOLER,
  GATEWAY,
  EMPEROR,
  VASSAL,
  STANDALONE;

  private static final ProcessKind[] VALUES = values();

  static ProcessKind of(int code) {
    return code < VALUES.length ? VALUES[code] : UNKNOWN;
  }

  @SuppressWarnings("EnumOrdinal") // as the class comment says
  int code() {
    return ordinal();
  }

  /** The name used in tags: {@code worker}, {@code master}, … */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}

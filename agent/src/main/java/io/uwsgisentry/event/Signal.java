package io.uwsgisentry.event;

import java.util.List;

/**
 * A signal that ends a process, as Linux numbers them on x86 and ARM.
 *
 * @param name {@code SIGSEGV}
 */
record Signal(int number, String name) {
  private static final List<String> NAMES =
      List.of(
          "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
          "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
          "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS");

  static final Signal SEGV = of(11);
  static final Signal FPE = of(8);
  static final int KILL = 9;

  static Signal of(long number) {
    int kept = (int) Math.min(Math.max(number, 0), 1000);
    return new Signal(
        kept, kept >= 1 && kept <= NAMES.size() ? "SIG" + NAMES.get(kept - 1) : "signal " + kept);
  }
}

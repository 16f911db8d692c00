package io.uwsgisentry.event;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What uWSGI's own handler of SIGSEGV and SIGFPE prints: the C library's backtrace, innermost frame
 * first.
 *
 * <pre>
 * *** backtrace of 4711 ***
 * uwsgi(uwsgi_backtrace+0x2f) [0x558be15d04df]
 * uwsgi(uwsgi_segfault+0x23) [0x558be15d08f3]
 * /lib/x86_64-linux-gnu/libc.so.6(+0x3c050) [0x7f62a32ae050]      the kernel's way into the handler
 * /srv/app/fast.so(sum+0x1f) [0x7f62a04cd197]                     where the fault was
 * …
 * *** end of backtrace ***
 * </pre>
 *
 * <p>A line may lack the symbol, the parenthesis, or the space; the text may end anywhere.
 *
 * @param pid of the process, -1 if the text does not tell
 * @param lines innermost first
 */
record NativeBacktrace(long pid, List<Line> lines) {
  static final String HEAD = "*** backtrace of ";
  private static final int MAX_LINES = 250;
  private static final int MAX_LINE = 4096;

  /** The names of uWSGI's handlers; with their parts inlined, not all of them are there. */
  private static final Set<String> HANDLERS =
      Set.of("uwsgi_backtrace", "uwsgi_segfault", "uwsgi_fpe", "what_i_am_doing");

  /**
   * One frame.
   *
   * @param binary as the loader names it: a path, or the name that the program was started by
   * @param symbol whose code it is, null: not known
   * @param offset from the symbol's start, or from where the binary was loaded; -1: not known
   * @param address of the instruction
   */
  record Line(String binary, @Nullable String symbol, long offset, long address) {
    /** The binary's name without directory. */
    String name() {
      return binary.substring(binary.lastIndexOf('/') + 1);
    }

    /** Whether it is of the C library or the kernel's own, through which signals are delivered. */
    boolean deliversSignals() {
      String name = name();
      return name.startsWith("libc.")
          || name.startsWith("libc-")
          || name.startsWith("libpthread")
          || name.startsWith("linux-vdso")
          || name.startsWith("ld-musl")
          || "__restore_rt".equals(symbol)
          || "__kernel_rt_sigreturn".equals(symbol);
    }
  }

  /** Whether a text is one of a crash. On SIGUSR2 a worker prints where it is, and lives on. */
  static boolean isOfCrash(@Nullable String text) {
    return text != null
        && text.startsWith(HEAD)
        && parse(text).lines.stream()
            .limit(3)
            .noneMatch(line -> "what_i_am_doing".equals(line.symbol()));
  }

  /** The signal whose handler printed it, null where its name is not there. */
  @Nullable Signal signal() {
    for (int i = 0; i < Math.min(3, lines.size()); i++) {
      if (symbol(i).equals("uwsgi_segfault")) {
        return Signal.SEGV;
      }
      if (symbol(i).equals("uwsgi_fpe")) {
        return Signal.FPE;
      }
    }
    return null;
  }

  static NativeBacktrace parse(String text) {
    List<Line> lines = new ArrayList<>();
    for (String each : text.lines().limit(4L * MAX_LINES).toList()) {
      Line line = each.length() > MAX_LINE ? null : line(each.strip());
      if (line != null && lines.size() < MAX_LINES) {
        lines.add(line);
      }
    }
    long pid = -1;
    if (text.startsWith(HEAD)) {
      int end = HEAD.length();
      while (end < text.length() && Character.isDigit(text.charAt(end))) {
        end++;
      }
      pid = RecordContext.number(text.substring(HEAD.length(), end));
    }
    return new NativeBacktrace(pid, lines);
  }

  /**
   * The lines from the faulting instruction on: without the handler that printed them and without
   * the step by which the kernel called it. All lines where that step cannot be told.
   *
   * <p>A handler may raise the signal again for the one that was there before it, as Python's
   * faulthandler does: then the same step is there once more further out, and the fault is behind
   * the last one.
   */
  List<Line> fromFault() {
    int handlers = 0;
    while (handlers < lines.size() && HANDLERS.contains(symbol(handlers))) {
      handlers++;
    }
    // Where the symbols are gone: the first lines are the handler's in any case, which is uWSGI's.
    int step = handlers;
    while (step < Math.min(4, lines.size())
        && !lines.get(step).deliversSignals()
        && lines.get(step).binary().equals(lines.get(0).binary())) {
      step++;
    }
    boolean told = step > 0 && step < lines.size() && lines.get(step).deliversSignals();
    if (!told) {
      return lines.subList(handlers, lines.size());
    }
    int last = step;
    for (int i = step + 1; i < lines.size(); i++) {
      if (lines.get(i).address() == lines.get(step).address()) {
        last = i;
      }
    }
    return lines.subList(last + 1, lines.size());
  }

  private String symbol(int index) {
    String symbol = lines.get(index).symbol();
    return symbol == null ? "" : symbol;
  }

  /**
   * {@code binary(symbol+0x1f) [0x7f62a04cd197]}, read from its end; null if it is no such line.
   */
  private static @Nullable Line line(String text) {
    int open = text.lastIndexOf("[0x");
    if (open < 0 || !text.endsWith("]")) {
      return null;
    }
    long address = hex(text.substring(open + 3, text.length() - 1));
    String place = text.substring(0, open).stripTrailing();
    if (address == -1) {
      return null;
    }
    int parenthesis = place.lastIndexOf('(');
    if (!place.endsWith(")") || parenthesis < 0) {
      return place.isEmpty() ? new Line("", null, -1, address) : new Line(place, null, -1, address);
    }
    String binary = place.substring(0, parenthesis);
    String inside = place.substring(parenthesis + 1, place.length() - 1);
    int sign = inside.lastIndexOf("+0x");
    if (sign < 0) {
      return new Line(binary, inside.isEmpty() ? null : inside, -1, address);
    }
    return new Line(
        binary,
        sign == 0 ? null : inside.substring(0, sign),
        hex(inside.substring(sign + 3)),
        address);
  }

  private static long hex(String digits) {
    if (digits.isEmpty() || digits.length() > 16) {
      return -1;
    }
    try {
      return Long.parseUnsignedLong(digits, 16);
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}

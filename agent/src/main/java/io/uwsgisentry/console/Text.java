package io.uwsgisentry.console;

import java.time.Duration;
import java.util.Locale;

/** Words and numbers, fit for a terminal. */
public final class Text {
  private Text() {}

  /**
   * One line that cannot move the cursor, colour the screen or reverse the writing: what came with
   * a request is shown, never obeyed.
   */
  public static String line(String text) {
    return printable(text, false);
  }

  /** Like {@link #line}, but line breaks stay. */
  public static String lines(String text) {
    return printable(text, true);
  }

  private static String printable(String text, boolean breaks) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              if (c == '\n' && breaks) {
                out.append('\n');
              } else if (c == '\n' || c == '\r' || c == '\t') {
                out.append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "  ");
              } else if (unprintable(c)) {
                out.append(String.format(c < 0x100 ? "\\x%02x" : "\\u%04x", c));
              } else {
                out.appendCodePoint(c);
              }
            });
    return out.toString();
  }

  private static boolean unprintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }

  /** At most {@code width} columns; what is cut ends in an ellipsis. */
  public static String cut(String text, int width) {
    if (columns(text) <= width) {
      return text;
    }
    StringBuilder out = new StringBuilder();
    int used = 0;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      int wide = columns(c);
      if (used + wide > width - 1) {
        break;
      }
      out.appendCodePoint(c);
      used += wide;
      i += Character.charCount(c);
    }
    return out.append('…').toString();
  }

  /** How many columns of a terminal the text takes. */
  public static int columns(String text) {
    return text.codePoints().map(Text::columns).sum();
  }

  private static int columns(int c) {
    int type = Character.getType(c);
    if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
      return 0;
    }
    return c < 0x1100 || !wide(c) ? 1 : 2;
  }

  private static boolean wide(int c) {
    return Character.isIdeographic(c)
        || (c >= 0x1100 && c <= 0x115f)
        || (c >= 0x3041 && c <= 0x33ff)
        || (c >= 0xac00 && c <= 0xd7a3)
        || (c >= 0xff01 && c <= 0xff60)
        || (c >= 0x1f300 && c <= 0x1faff);
  }

  /** {@code 1 event}, {@code 2 events}. */
  public static String count(long n, String noun) {
    return String.format(Locale.ROOT, "%,d %s%s", n, noun, n == 1 ? "" : "s");
  }

  /** {@code 812 B}, {@code 3.4 KiB}, {@code 12 MiB}. */
  public static String bytes(long n) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = n;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    String format = unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s";
    return String.format(Locale.ROOT, format, value, units[unit]);
  }

  /** {@code 12 s}, {@code 3 min}, {@code 5 h}, {@code 2 days}: the largest unit that fits. */
  public static String age(Duration age) {
    long seconds = Math.max(0, age.toSeconds());
    if (seconds < 120) {
      return seconds + " s";
    }
    if (seconds < 2 * 3600) {
      return seconds / 60 + " min";
    }
    return seconds < 48 * 3600 ? seconds / 3600 + " h" : seconds / 86_400 + " days";
  }
}

package io.uwsgisentry.event;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text without what varies from one occurrence to the next, so that Sentry makes one issue of ten
 * lines that differ by a process id. Dates, times, UUIDs, IP addresses, hexadecimal addresses and
 * hashes, and numbers become {@code %s}; a {@code %} of the text becomes {@code %%}, as Sentry's
 * message interface asks.
 *
 * <p>Digits inside a word that starts with a letter stay ({@code python3.11}, {@code utf8}, {@code
 * worker1}): they are names.
 *
 * @param template the text with {@code %s} for each parameter
 * @param params what was taken out, in order
 */
record MessageTemplate(String template, List<String> params) {
  private static final Pattern DATED =
      Pattern.compile(
          "\\d{4}-\\d{2}-\\d{2}(?:[T ]\\d{2}:\\d{2}(?::\\d{2}(?:[.,]\\d+)?)?(?: ?Z\\b| ?[+-]\\d{2}:?\\d{2}\\b)?)?(?!\\w)"
              + "|\\d{1,2}/(?:\\d{2}|[A-Z][a-z]{2})/\\d{4}(?:[: ]\\d{2}:\\d{2}:\\d{2}(?: [+-]\\d{4})?)?(?!\\w)"
              + "|\\d{4}/\\d{2}/\\d{2}(?: \\d{2}:\\d{2}:\\d{2})?(?!\\w)"
              + "|\\d{1,2}:\\d{2}:\\d{2}(?:[.,]\\d+)?(?!\\w)");
  private static final Pattern NAMED_DAY =
      Pattern.compile(
          "(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:\\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
              + " +\\d{1,4} +\\d{1,2}:\\d{2}:\\d{2}(?: +\\d{4})?(?: GMT)?(?!\\w)");
  private static final Pattern UUID =
      Pattern.compile(
          "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?!\\w)");
  private static final Pattern IPV4 =
      Pattern.compile("\\d{1,3}(?:\\.\\d{1,3}){3}(?::\\d{1,5})?(?![\\w.]\\w|\\w)");
  private static final Pattern IPV6 =
      Pattern.compile(
          "(?=[a-fA-F:]{0,40}[0-9])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\\w:])");
  private static final Pattern NUMBER = Pattern.compile("\\d{1,40}(?:\\.\\d{1,40}){0,8}");

  static MessageTemplate of(String text) {
    StringBuilder template = new StringBuilder(text.length() + 16);
    List<String> params = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      int end = varyingEnd(text, at);
      if (end > at) {
        params.add(text.substring(at, end));
        template.append("%s");
        at = end;
        continue;
      }
      // Past the whole word, so that what follows is looked at from a word's start again.
      do {
        char c = text.charAt(at++);
        template.append(c == '%' ? "%%" : String.valueOf(c));
      } while (at < text.length() && inWord(text, at));
    }
    return params.isEmpty()
        ? new MessageTemplate(text, List.of())
        : new MessageTemplate(template.toString(), params);
  }

  /**
   * Whether the character belongs to the word before it; a point between two of its characters
   * does, too.
   */
  private static boolean inWord(String text, int at) {
    char c = text.charAt(at);
    char before = text.charAt(at - 1);
    if (wordChar(c)) {
      return wordChar(before) || (before == '.' && at >= 2 && wordChar(text.charAt(at - 2)));
    }
    return c == '.' && wordChar(before) && at + 1 < text.length() && wordChar(text.charAt(at + 1));
  }

  private static boolean wordChar(char c) {
    return Character.isLetterOrDigit(c) || c == '_';
  }

  /** Where what varies and starts at that word's start ends, or {@code at} if nothing does. */
  private static int varyingEnd(String text, int at) {
    char c = text.charAt(at);
    boolean digit = c >= '0' && c <= '9';
    if (!digit && !hex(c) && c != ':' && !(c >= 'A' && c <= 'Z')) {
      return at;
    }
    if (!digit && c >= 'A' && c <= 'Z') {
      int end = match(NAMED_DAY, text, at);
      if (end > at) {
        return end;
      }
    }
    if (digit) {
      for (Pattern pattern : List.of(DATED, NAMED_DAY, IPV4)) {
        int end = match(pattern, text, at);
        if (end > at) {
          return end;
        }
      }
    }
    if (hex(c) || c == ':') {
      int end = Math.max(match(UUID, text, at), match(IPV6, text, at));
      if (end > at) {
        return end;
      }
    }
    return digit || hex(c) ? wordEnd(text, at, digit) : at;
  }

  /**
   * Numbers with at most a short unit behind them, and words of hexadecimal digits that look like
   * an address or a hash.
   */
  private static int wordEnd(String text, int at, boolean digit) {
    int end = at;
    boolean digits = false;
    boolean letters = false;
    boolean allHex = true;
    while (end < text.length() && wordChar(text.charAt(end))) {
      char c = text.charAt(end);
      digits |= c >= '0' && c <= '9';
      letters |= c > '9';
      allHex &= hex(c);
      end++;
    }
    int length = end - at;
    if (length > 2 && text.startsWith("0x", at)) {
      return end;
    }
    // A short one may be a number with a unit (5d), but cut in two it would leave its letters
    // behind.
    if (allHex && digits && (length >= 8 || (digit && letters))) {
      return end;
    }
    if (!digit) {
      return at;
    }
    int number = match(NUMBER, text, at);
    int unit = number;
    while (unit < text.length() && Character.isLetter(text.charAt(unit))) {
      unit++;
    }
    boolean wordGoesOn = unit < text.length() && wordChar(text.charAt(unit));
    return unit - number <= 3 && !wordGoesOn ? number : Math.max(end, number);
  }

  private static boolean hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }

  private static int match(Pattern pattern, String text, int at) {
    Matcher matcher = pattern.matcher(text).useAnchoringBounds(false).useTransparentBounds(true);
    matcher.region(at, text.length());
    return matcher.lookingAt() ? matcher.end() : at;
  }
}

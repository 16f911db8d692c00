package io.uwsgisentry.settings;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads sizes and ages as options have them. */
public final class Quantities {
  private static final Pattern SIZE = Pattern.compile("([0-9]{1,18})([kKmMgG]?)");
  private static final Pattern AGE = Pattern.compile("([0-9]{1,6})([smhd])");

  private Quantities() {}

  /** {@code 64m} in bytes; -1 where it is no size. */
  public static long bytes(String text) {
    Matcher matcher = SIZE.matcher(text);
    if (!matcher.matches()) {
      return -1;
    }
    int shift =
        switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
          case "k" -> 10;
          case "m" -> 20;
          case "g" -> 30;
          default -> 0;
        };
    long number = Long.parseLong(matcher.group(1));
    return number > Long.MAX_VALUE >> shift ? -1 : number << shift;
  }

  /** {@code 7d}, {@code 12h}, {@code 30m} or {@code 90s}; negative where it is no age. */
  public static Duration age(String text) {
    Matcher matcher = AGE.matcher(text);
    if (!matcher.matches()) {
      return Duration.ofSeconds(-1);
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }
}

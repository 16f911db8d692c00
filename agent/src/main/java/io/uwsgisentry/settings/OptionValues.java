package io.uwsgisentry.settings;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads sizes, ages, seconds and rates as options have them. */
public final class OptionValues {
  private static final Pattern SIZE = Pattern.compile("([0-9]{1,18})([kKmMgG]?)");
  private static final Pattern AGE = Pattern.compile("([0-9]{1,6})([smhd])");
  private static final Pattern SECONDS =
      Pattern.compile("[0-9]{1,9}(\\.[0-9]{0,9})?|\\.[0-9]{1,9}");
  // No exponent, no sign, no "Infinity": whoever writes that meant something else.
  private static final Pattern RATE = Pattern.compile("[0-9]{1,9}(\\.[0-9]{0,18})?|\\.[0-9]{1,18}");
  static final Duration LEAST_TIMEOUT = Duration.ofMillis(100);
  static final Duration MOST_TIMEOUT = Duration.ofSeconds(300);

  private OptionValues() {}

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

  /**
   * {@code timeout}: seconds, decimals allowed; null where the text is no positive number of them.
   */
  static @Nullable Duration seconds(String text) {
    String trimmed = text.strip();
    if (!SECONDS.matcher(trimmed).matches()) {
      return null;
    }
    long millis = new BigDecimal(trimmed).movePointRight(3).longValue();
    return millis == 0 ? null : Duration.ofMillis(millis);
  }

  /** The timeout itself, or the bound that it exceeds. */
  static Duration bounded(Duration timeout) {
    return timeout.compareTo(LEAST_TIMEOUT) < 0
        ? LEAST_TIMEOUT
        : timeout.compareTo(MOST_TIMEOUT) > 0 ? MOST_TIMEOUT : timeout;
  }

  /** A part of a whole; null if it is no number from 0 to 1. */
  static @Nullable Double rate(String text) {
    if (!RATE.matcher(text).matches()) {
      return null;
    }
    double rate = Double.parseDouble(text);
    return rate <= 1 ? rate : null;
  }
}

package io.uwsgisentry.settings;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads {@code timeout}: seconds, decimals allowed. */
final class Timeouts {
  static final Duration LEAST = Duration.ofMillis(100);
  static final Duration MOST = Duration.ofSeconds(300);
  private static final Pattern SECONDS =
      Pattern.compile("[0-9]{1,9}(\\.[0-9]{0,9})?|\\.[0-9]{1,9}");

  private Timeouts() {}

  /** Null where the text is no positive number of seconds. */
  static @Nullable Duration parse(String text) {
    String trimmed = text.strip();
    if (!SECONDS.matcher(trimmed).matches()) {
      return null;
    }
    long millis = new BigDecimal(trimmed).movePointRight(3).longValue();
    return millis == 0 ? null : Duration.ofMillis(millis);
  }

  /** The timeout itself, or the bound that it exceeds. */
  static Duration bounded(Duration timeout) {
    return timeout.compareTo(LEAST) < 0 ? LEAST : timeout.compareTo(MOST) > 0 ? MOST : timeout;
  }
}

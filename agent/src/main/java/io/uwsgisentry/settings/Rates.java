package io.uwsgisentry.settings;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Parts of a whole, as written in options. */
final class Rates {
  // No exponent, no sign, no "Infinity": whoever writes that meant something else.
  private static final Pattern RATE = Pattern.compile("[0-9]{1,9}(\\.[0-9]{0,18})?|\\.[0-9]{1,18}");

  private Rates() {}

  /** The number, or null if it is not one from 0 to 1. */
  static @Nullable Double parse(String text) {
    if (!RATE.matcher(text).matches()) {
      return null;
    }
    double rate = Double.parseDouble(text);
    return rate <= 1 ? rate : null;
  }
}

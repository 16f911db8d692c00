package io.uwsgisentry.event;

import java.util.regex.Pattern;

/** The characters and lengths that Sentry's servers take; what they would refuse is replaced. */
final class Limits {
  private static final Pattern NOT_IN_TAG_KEY = Pattern.compile("[^A-Za-z0-9_.:-]");
  private static final Pattern BREAKS = Pattern.compile("[\\r\\n]+");
  private static final Pattern NOT_IN_RELEASE = Pattern.compile("[\\r\\n\\t\\f/\\\\]");
  private static final Pattern NOT_IN_ENVIRONMENT = Pattern.compile("[\\r\\n/]");
  private static final Pattern NOT_IN_DIST = Pattern.compile("[^A-Za-z0-9_.-]");

  private Limits() {}

  /** Without NULs, which PostgreSQL (and so some servers) cannot store. */
  static String clean(String text) {
    return text.indexOf('\0') < 0 ? text : text.replace('\0', '\ufffd');
  }

  /**
   * At most {@code max} characters, never half of a surrogate pair; the last three are points where
   * something is missing.
   */
  static String shortened(String text, int max) {
    if (text.length() <= max) {
      return text;
    }
    int end = max - 3;
    return text.substring(0, Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end)
        + "...";
  }

  static String line(String text) {
    return BREAKS.matcher(text).replaceAll(" ");
  }

  static String tagKey(String key) {
    return NOT_IN_TAG_KEY.matcher(key).replaceAll("-");
  }

  static String release(String release) {
    return NOT_IN_RELEASE.matcher(release).replaceAll("-");
  }

  static String environment(String environment) {
    return NOT_IN_ENVIRONMENT.matcher(environment).replaceAll("-");
  }

  static String dist(String dist) {
    return NOT_IN_DIST.matcher(dist).replaceAll("-");
  }

  /** Whether it may be an IP address; servers drop a user's address that is none. */
  static boolean isAddress(String text) {
    return text.equals("{{auto}}")
        || (!text.isEmpty()
            && text.chars().allMatch(c -> Character.digit(c, 16) >= 0 || c == '.' || c == ':'));
  }
}

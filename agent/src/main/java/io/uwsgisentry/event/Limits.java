package io.uwsgisentry.event;

import io.uwsgisentry.redaction.Redaction;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/** The characters and lengths that Sentry's servers take; what they would refuse is replaced. */
final class Limits {
  /** Longer than the passwords that people have in addresses. */
  private static final int UNSHOWN = 1024;

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

  /**
   * A text of a record's, which may be as long as one, after the filter; of a text much longer than
   * {@code max} not all is filtered, as the rest is not shown. Longer than {@code max} it may be
   * still.
   *
   * <p>What gives a secret away may stand behind it ({@code user:…@host}, {@code <token>…</token>})
   * and have been cut off with the rest, so the last that was filtered is not shown, either.
   *
   * @param filter takes secrets out
   */
  static String filtered(String text, int max, UnaryOperator<String> filter) {
    int most = 4 * max + UNSHOWN;
    if (text.length() <= most) {
      return filter.apply(text);
    }
    String kept = filter.apply(shortened(text, most));
    int filtered = kept.lastIndexOf(Redaction.FILTERED);
    int known = filtered < 0 ? 0 : filtered + Redaction.FILTERED.length();
    return shortened(kept, Math.max(4, Math.max(known + 3, kept.length() - UNSHOWN)));
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

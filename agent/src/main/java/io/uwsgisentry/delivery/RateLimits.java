package io.uwsgisentry.delivery;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a server says of its limits (develop.sentry.dev/sdk/expected-features/rate-limiting).
 *
 * <p>{@code X-Sentry-Rate-Limits} is a list of {@code seconds:categories:scope:reason:namespaces},
 * separated by commas; categories are separated by semicolons, none means all. The values come from
 * a network, so whatever is not of that form is left out, and nothing here throws: a hold that was
 * never asked for would be as wrong as one that is missed. Two traps that SDKs fell into: an empty
 * header on a 429 still means "stop", and so does one that names only other categories.
 */
final class RateLimits {
  /** Stands for every category. */
  static final String ALL = "";

  /**
   * Longer waits are cut to this: a typing error on a server must not silence a client for ever.
   */
  static final Duration LONGEST = Duration.ofHours(24);

  /** What a 429 without usable words means; Bugsink sends such. */
  static final Duration UNSAID = Duration.ofSeconds(60);

  private static final int MOST = 100;
  private static final Pattern SECONDS = Pattern.compile("([0-9]{1,12})(\\.[0-9]{0,12})?");
  private static final Pattern CATEGORY = Pattern.compile("[a-z][a-z_]{0,39}");

  private RateLimits() {}

  /** The limits of all values of the header, by category; of two for one category the longer. */
  static Map<String, Duration> parse(List<String> values) {
    Map<String, Duration> limits = new LinkedHashMap<>();
    for (String value : values) {
      for (String limit : value.split(",", MOST)) {
        String[] parts = limit.strip().split(":", -1);
        Duration wait = seconds(parts[0].strip());
        if (parts.length < 2 || wait == null || wait.isZero()) {
          continue;
        }
        String categories = parts[1].strip();
        if (categories.isEmpty()) {
          add(limits, ALL, wait);
          continue;
        }
        for (String category : categories.split(";", MOST)) {
          // Namespaces narrow a limit to some metrics; we send none of that kind.
          if (CATEGORY.matcher(category.strip()).matches() && !category.equals("metric_bucket")) {
            add(limits, category.strip(), wait);
          }
        }
      }
    }
    return limits;
  }

  /**
   * What a 429 holds back: its limits, and if none of them covers {@code category}, that category
   * for as long as {@code Retry-After} says or else a minute.
   */
  static Map<String, Duration> ofTooMany(
      List<String> values, @Nullable String retryAfter, String category, Instant now) {
    Map<String, Duration> limits = parse(values);
    if (!limits.containsKey(ALL) && !limits.containsKey(category)) {
      Duration wait = retryAfter(retryAfter, now);
      // A second at least: "0" on a 429 would have us send again at once and for ever.
      add(limits, category, wait == null ? UNSAID : max(wait, Duration.ofSeconds(1)));
    }
    return limits;
  }

  /** {@code Retry-After}, as seconds or as HTTP date; null where there is none that can be read. */
  static @Nullable Duration retryAfter(@Nullable String value, Instant now) {
    if (value == null) {
      return null;
    }
    Duration seconds = seconds(value.strip());
    if (seconds != null) {
      return seconds;
    }
    try {
      Instant date =
          ZonedDateTime.parse(value.strip(), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return min(max(Duration.between(now, date), Duration.ZERO), LONGEST);
    } catch (DateTimeException | ArithmeticException e) {
      return null;
    }
  }

  /** Decimal seconds, rounded up, at most {@link #LONGEST}; null if it is anything else. */
  private static @Nullable Duration seconds(String text) {
    Matcher matcher = SECONDS.matcher(text);
    if (!matcher.matches()) {
      return null;
    }
    String fraction = matcher.group(2);
    boolean more = fraction != null && fraction.chars().anyMatch(c -> c >= '1' && c <= '9');
    return min(Duration.ofSeconds(Long.parseLong(matcher.group(1)) + (more ? 1 : 0)), LONGEST);
  }

  private static void add(Map<String, Duration> limits, String category, Duration wait) {
    if (limits.size() < MOST || limits.containsKey(category)) {
      limits.merge(category, wait, RateLimits::max);
    }
  }

  static Duration min(Duration a, Duration b) {
    return a.compareTo(b) <= 0 ? a : b;
  }

  static Duration max(Duration a, Duration b) {
    return a.compareTo(b) >= 0 ? a : b;
  }
}

package io.uwsgisentry.delivery;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** What a server may answer: rate limits, {@code Retry-After}, a body in pieces. */
public final class ResponsesFuzz {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

  private ResponsesFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) throws Exception {
    String text = new String(data, StandardCharsets.ISO_8859_1);
    check(RateLimits.parse(List.of(text)));
    check(RateLimits.parse(List.of(text.split("\n", -1))));
    Map<String, Duration> limits = RateLimits.ofTooMany(List.of(text), text, "error", NOW);
    check(limits);
    if (!limits.containsKey("error") && !limits.containsKey(RateLimits.ALL)) {
      throw new IllegalStateException("a 429 that holds nothing back");
    }
    Duration wait = RateLimits.retryAfter(text, NOW);
    if (wait != null && (wait.isNegative() || wait.compareTo(RateLimits.LONGEST) > 0)) {
      throw new IllegalStateException("waits for " + wait);
    }
    ResponseBody body = ResponseBody.read(new ByteArrayInputStream(data), () -> true);
    if (body.bytes().length != Math.min(data.length, ResponseBody.MOST_BYTES)) {
      throw new IllegalStateException("a body of another length");
    }
  }

  private static void check(Map<String, Duration> limits) {
    limits.forEach(
        (category, wait) -> {
          if (wait.isZero()
              || wait.isNegative()
              || wait.compareTo(RateLimits.LONGEST) > 0
              || !category.matches("[a-z_]*")) {
            throw new IllegalStateException(category + " for " + wait);
          }
        });
  }
}

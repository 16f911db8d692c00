package io.uwsgisentry.delivery;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RateLimitsTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

  @Test
  void theDocumentedExamplesAreReadByCategory() {
    assertThat(parse("60:transaction:key, 2700:default;error;security:organization"))
        .isEqualTo(
            Map.of(
                "transaction", ofSeconds(60),
                "default", ofSeconds(2700),
                "error", ofSeconds(2700),
                "security", ofSeconds(2700)));
  }

  @Test
  void noCategoryMeansAll() {
    assertThat(parse("60::organization")).isEqualTo(Map.of("", ofSeconds(60)));
    assertThat(parse("60:")).isEqualTo(Map.of("", ofSeconds(60)));
  }

  @Test
  void ofTwoLimitsForOneCategoryTheLongerHolds() {
    assertThat(parse("5:error:key,70:error:org,6:error:x"))
        .isEqualTo(Map.of("error", ofSeconds(70)));
    assertThat(RateLimits.parse(List.of("70:error", "5:error")))
        .isEqualTo(Map.of("error", ofSeconds(70)));
  }

  @Test
  void decimalsAreRoundedUpAndLongWaitsCutToADay() {
    assertThat(parse("0.2:error")).isEqualTo(Map.of("error", ofSeconds(1)));
    assertThat(parse("2.0:error")).isEqualTo(Map.of("error", ofSeconds(2)));
    assertThat(parse("999999999999:error")).isEqualTo(Map.of("error", ofHours(24)));
  }

  @Test
  void whatIsNotOfTheFormIsLeftOutAndTheRestIsRead() {
    assertThat(
            parse(
                "x:error:key,-1:error,1e3:error,:error,0:error,60,,9999999999999:error,"
                    + " 60:ERROR, 60:e rror, 60:;:, 7:session:key"))
        .isEqualTo(Map.of("session", ofSeconds(7)));
    assertThat(parse("")).isEmpty();
    assertThat(RateLimits.parse(List.of())).isEmpty();
  }

  @Test
  void aCategoryOfTheFutureIsKeptAndHoldsNobodyElse() {
    assertThat(parse("60:some_new_thing:key")).containsOnlyKeys("some_new_thing");
  }

  @Test
  void aLimitOnMetricsIsNotOnEverything() {
    assertThat(parse("60:metric_bucket:organization:reason:custom;spans")).isEmpty();
  }

  @Test
  void tooManyWithoutAUsableHeaderHoldsTheCategoryForAMinuteOrAsLongAsRetryAfterSays() {
    assertThat(tooMany("", null)).isEqualTo(Map.of("error", ofSeconds(60)));
    assertThat(tooMany("", "120")).isEqualTo(Map.of("error", ofSeconds(120)));
    assertThat(tooMany("", "0")).isEqualTo(Map.of("error", ofSeconds(1)));
    assertThat(tooMany("", "Sun, 22 Nov 2026 12:01:30 GMT"))
        .isEqualTo(Map.of("error", ofSeconds(90)));
    assertThat(tooMany("", "soon")).isEqualTo(Map.of("error", ofSeconds(60)));
  }

  @Test
  void tooManyWithALimitThatDoesNotCoverTheCategoryHoldsTheCategoryAsWell() {
    assertThat(tooMany("5:transaction:key", "30"))
        .isEqualTo(Map.of("transaction", ofSeconds(5), "error", ofSeconds(30)));
    assertThat(tooMany("5:error:key", "30")).isEqualTo(Map.of("error", ofSeconds(5)));
    assertThat(tooMany("5::key", "30")).isEqualTo(Map.of("", ofSeconds(5)));
  }

  @Test
  void retryAfterInThePastMeansNow() {
    assertThat(RateLimits.retryAfter("Sun, 22 Nov 2020 12:00:00 GMT", NOW))
        .isEqualTo(Duration.ZERO);
    assertThat(RateLimits.retryAfter("Sun, 22 Nov 2099 12:00:00 GMT", NOW)).isEqualTo(ofHours(24));
    assertThat(RateLimits.retryAfter(null, NOW)).isNull();
  }

  @Test
  void nothingThatANetworkCanSendThrowsOrHoldsLongerThanADay() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    String alphabet = "0123456789.,:;-+eE \t\0é\uD800errortransaction";
    for (int i = 0; i < 20_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(60); n > 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      String value = text.toString();
      assertThat(tooMany(value, value).values())
          .as("seed %d, value '%s'", seed, value)
          .isNotEmpty()
          .allMatch(wait -> wait.compareTo(Duration.ZERO) > 0 && wait.compareTo(ofHours(24)) <= 0);
    }
    assertThat(parse("60:error:key,".repeat(100_000)).keySet()).containsExactly("error");
  }

  private static Map<String, Duration> parse(String header) {
    return RateLimits.parse(List.of(header));
  }

  private static Map<String, Duration> tooMany(String header, String retryAfter) {
    return RateLimits.ofTooMany(List.of(header), retryAfter, "error", NOW);
  }
}

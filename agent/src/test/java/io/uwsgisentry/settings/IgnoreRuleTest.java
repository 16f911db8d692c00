package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IgnoreRuleTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "NotNow | NotNow | shop.errors | any text",
        "shop.errors.NotNow | NotNow | shop.errors | any text",
        "shop.* | NotNow | shop.errors | any text",
        "A, NotNow | NotNow | | any text",
        "Not??? | NotNow | | any text",
        "Shop::NotNow | Shop::NotNow | | any text",
        "NotNow: any* | NotNow | shop | any text",
        "NotNow: *text | NotNow | shop | any text",
        "NotNow: *a*y*x* | NotNow | shop | any text",
        "*: any text | NotNow | | any text",
        "*: a?y text | '' | | any text",
        "NotNow: a: b | NotNow | | a: b",
        "OSError: 5 \\* 3 | OSError | | 5 * 3",
        "SIGSEGV in * | SIGSEGV in _ctypes | | GET /",
      })
  void aRuleMatchesWhatItNames(String rule, String type, String module, String said) {
    assertThat(IgnoreRule.fault(rule)).isNull();
    assertThat(IgnoreRule.of(rule).matches(type, module, said)).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "NotNow | NotNowAtAll | shop.errors | any text",
        "notnow | NotNow | | any text",
        "errors.NotNow | NotNow | shop.errors | any text",
        "NotNow: any | NotNow | | any text",
        "NotNow: text* | NotNow | | any text",
        "NotNow: *tex | NotNow | | any text",
        "NotNow: *a*x*y* | NotNow | | any text",
        "NotNow: any text?* | NotNow | | any text",
        "*b: x | a | | x",
        "NotNow: aba*aba | NotNow | | aba",
      })
  void andNothingElse(String rule, String type, String module, String said) {
    assertThat(IgnoreRule.of(rule).matches(type, module, said)).isFalse();
  }

  @Test
  void aStarStandsForLinesToo() {
    assertThat(IgnoreRule.of("E: first*last").matches("E", null, "first\nsecond\nlast")).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | is empty",
        "* | would ignore everything",
        "*: * | would ignore everything",
        "**, A | would ignore everything",
        "A,, B | a type is missing",
        "': text' | a type is missing",
        "A, B: text | several types",
        "A: text\\ | a single backslash",
      })
  void aRuleThatMeansNothingIsNamed(String rule, String fault) {
    assertThat(IgnoreRule.fault(rule)).contains(fault);
  }

  @Test
  void aRuleHasABound() {
    assertThat(IgnoreRule.fault("A".repeat(513))).contains("longer than 512");
    assertThat(IgnoreRule.fault("A".repeat(512))).isNull();
  }

  @Test
  void theWorstPatternForTheWorstTextIsQuick() {
    IgnoreRule rule = IgnoreRule.of("*: " + "*a".repeat(250) + "*b");
    String text = "a".repeat(1 << 20);
    assertTimeoutPreemptively(
        Duration.ofSeconds(20), () -> assertThat(rule.matches("E", null, text)).isFalse());
  }
}

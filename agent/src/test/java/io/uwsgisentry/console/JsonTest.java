package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "null",
        "true",
        "\"\"",
        "-12.50",
        "1795349900.998",
        "18446744073709551615",
        "{\"a\":[1,{\"b\":null},\"c\"],\"d\":{\"e\":false}}",
        "\"quote \\\" backslash \\\\ line \\n tab \\t\"",
        "\"žluťoučký 日本 😀\""
      })
  void whatIsReadIsWrittenBackUnchanged(String json) {
    assertThat(Json.write(Json.parse(json))).isEqualTo(json);
  }

  @Test
  void keysKeepTheirOrder() {
    assertThat(Json.write(Json.parse(" { \"z\" : 1 , \"a\" : 2 } ")))
        .isEqualTo("{\"z\":1,\"a\":2}");
  }

  @Test
  void escapesAreUnderstood() {
    assertThat(Json.parse("\"\\u00e9\\/\\b\\ud83d\\ude00\"")).isEqualTo("é/\b😀");
  }

  @Test
  void nothingThatMovesACursorIsWrittenRaw() {
    assertThat(Json.write("\u001b[2J\u009b1m\u2028")).isEqualTo("\"\\u001b[2J\\u009b1m\\u2028\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "{", "[1", "[1,]", "{\"a\"}", "{a:1}", "\"open", "\"\\x\"", "\"\\u12", "nul", "1 2",
        "--1", "NaN"
      })
  void whatIsNotJsonIsRefused(String text) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("not JSON: ");
  }

  @Test
  void bottomlessNestingIsRefusedAndDoesNotEndTheProgram() {
    assertThatThrownBy(() -> Json.parse("[".repeat(1_000_000)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("nested too deep");
  }
}

package io.uwsgisentry.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Map;
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
        "{\"b\":1,\"a\":[null,false,{\"c\":\"d\"}]}",
        "123456789012345678",
        "18446744073709551615",
        "-1",
        "0.1",
        "-12.50",
        "1795349900.998",
        "\"\\u0000\\u001f\"",
        "\"quote \\\" backslash \\\\ line \\n tab \\t\"",
        "\"žluťoučký 日本 😀\""
      })
  void whatIsReadIsWrittenBackUnchanged(String json) throws IOException {
    assertThat(Json.write(Json.parse(json))).isEqualTo(json);
  }

  @Test
  void keysKeepTheirOrderAndBlanksGo() throws IOException {
    assertThat(Json.write(Json.parse(" { \"z\" : 1 , \"a\" : 2 } ")))
        .isEqualTo("{\"z\":1,\"a\":2}");
  }

  @Test
  void escapesAreUnderstood() throws IOException {
    assertThat(Json.parse("\"\\u00e9\\/\\b\\ud83d\\ude00\"")).isEqualTo("é/\b😀");
  }

  @Test
  void nothingThatMovesACursorIsWrittenRaw() {
    assertThat(Json.write("\u001b[2J\u009b1m\u2028")).isEqualTo("\"\\u001b[2J\\u009b1m\\u2028\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[1",
        "[1,]",
        "[1,]x",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1}}",
        "\"a",
        "'a'",
        "\"\\x\"",
        "\"\\u12",
        "nul",
        "1 2",
        "--1",
        "+1",
        "01",
        ".5",
        "NaN"
      })
  void whatIsNoJsonIsRefused(String text) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("not JSON: ");
  }

  @Test
  void wholeNumbersAreLongsAndTheOthersKeepTheirDigits() throws IOException {
    assertThat(Json.parse("[1,1700000000123456,1.50,1e3,123456789012345678901]"))
        .isEqualTo(
            Arrays.asList(
                1L,
                1_700_000_000_123_456L,
                new BigDecimal("1.50"),
                new BigDecimal("1e3"),
                new BigDecimal("123456789012345678901")));
  }

  @Test
  void bottomlessNestingIsRefusedAndDoesNotEndTheProgram() {
    assertThatThrownBy(() -> Json.parse("[".repeat(1_000_000)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("nested too deep");
  }

  @Test
  void onlyObjectsAreObjects() {
    assertThatThrownBy(() -> Json.parseObject("[]".getBytes())).isInstanceOf(IOException.class);
    assertThat(Json.write(Map.of("ü", "\ud83d\ude00"))).isEqualTo("{\"ü\":\"\ud83d\ude00\"}");
  }

  @Test
  void nothingThatATerminalObeysIsWrittenRaw() throws IOException {
    String text = "a\u202eb\u2066c\u200fd\u001b\u009b\ud83d\ude00\udb40\udc01\ud800";
    String written = Json.write(text);
    assertThat(written)
        .isEqualTo("\"a\\u202eb\\u2066c\\u200fd\\u001b\\u009b\ud83d\ude00\\udb40\\udc01\\ud800\"");
    assertThat(Json.parse(written)).isEqualTo(text);
  }
}

package io.uwsgisentry.event;

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
        "-1",
        "0.1",
        "\"\\u0000\\u001f\"",
        "{\"a\":null}"
      })
  void whatIsReadIsWrittenAgain(String json) throws IOException {
    assertThat(Json.write(Json.parse(json))).isEqualTo(json);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[1,]x",
        "{\"a\"}",
        "{a:1}",
        "1 2",
        "nul",
        "'a'",
        "NaN",
        "{\"a\":1}}",
        "\"a"
      })
  void whatIsNoJsonIsRefused(String text) {
    assertThatThrownBy(() -> Json.parse(text)).isInstanceOf(IOException.class);
  }

  @Test
  void wholeNumbersAreLongsAndTheOthersKeepTheirDigits() throws IOException {
    assertThat(Json.parse("[1,1700000000123456,1.50,1e3,123456789012345678901]"))
        .isEqualTo(
            Arrays.asList(
                1L,
                1_700_000_000_123_456L,
                new BigDecimal("1.50"),
                1000L,
                new BigDecimal("123456789012345678901")));
  }

  @Test
  void deepNestingIsRefusedAndDoesNotExhaustTheStack() {
    assertThatThrownBy(() -> Json.parse("[".repeat(100_000)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("deeper");
  }

  @Test
  void onlyObjectsAreObjects() {
    assertThatThrownBy(() -> Json.parseObject("[]".getBytes())).isInstanceOf(IOException.class);
    assertThat(Json.write(Map.of("ü", "\ud83d\ude00"))).isEqualTo("{\"ü\":\"\ud83d\ude00\"}");
  }
}

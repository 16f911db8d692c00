package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class TextTest {
  @Test
  void aLineCannotSteerTheTerminal() {
    assertThat(Text.line("a\u001b]0;owned\u0007b\u009bm\nGET /\r\u202efdp.exe"))
        .isEqualTo("a\\x1b]0;owned\\x07b\\x9bm\\nGET /\\r\\u202efdp.exe");
  }

  @Test
  void linesKeepTheirBreaksAndNothingElse() {
    assertThat(Text.lines("one\ntwo\u001b[31m")).isEqualTo("one\ntwo\\x1b[31m");
  }

  @Test
  void otherAlphabetsStay() {
    assertThat(Text.line("žluťoučký 日本 😀")).isEqualTo("žluťoučký 日本 😀");
  }

  @Test
  void aCutKeepsToItsWidthWithWideCharactersToo() {
    assertThat(Text.cut("日本日本", 8)).isEqualTo("日本日本");
    assertThat(Text.cut("日本日本", 7)).isEqualTo("日本日…");
    assertThat(Text.cut("日本日本", 6)).isEqualTo("日本…");
    assertThat(Text.cut("plain", 4)).isEqualTo("pla…");
  }

  @Test
  void bytesAreReadable() {
    assertThat(Text.bytes(0)).isEqualTo("0 B");
    assertThat(Text.bytes(1023)).isEqualTo("1023 B");
    assertThat(Text.bytes(1536)).isEqualTo("1.5 KiB");
    assertThat(Text.bytes(64 << 20)).isEqualTo("64.0 MiB");
    assertThat(Text.bytes(200L << 30)).isEqualTo("200 GiB");
  }

  @Test
  void agesAreRoundedDownToTheLargestUnit() {
    assertThat(Text.age(Duration.ofSeconds(-5))).isEqualTo("0 s");
    assertThat(Text.age(Duration.ofSeconds(119))).isEqualTo("119 s");
    assertThat(Text.age(Duration.ofSeconds(120))).isEqualTo("2 min");
    assertThat(Text.age(Duration.ofHours(2))).isEqualTo("2 h");
    assertThat(Text.age(Duration.ofHours(47))).isEqualTo("47 h");
    assertThat(Text.age(Duration.ofHours(72))).isEqualTo("3 days");
  }
}

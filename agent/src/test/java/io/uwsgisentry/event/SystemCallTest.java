package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SystemCallTest {
  @ParameterizedTest
  @CsvSource({
    "230 0x1 0x1 0x7ffd 0x0, amd64, 230 (clock_nanosleep)",
    "98 0x1 0x1 0x7ffd 0x0, aarch64, 98 (futex)",
    "98 0x1, s390x, 98",
    "499 0x1, amd64, 499",
    "running, amd64, running",
    "-1 0x7ffd 0x7f, amd64, none",
    "99999999999999999999 0x1, amd64, 99999999999999999999",
    "'  7  ', amd64, 7 (poll)"
  })
  void aNumberHasItsName(String line, String arch, String text) {
    assertThat(SystemCall.text(line, arch)).isEqualTo(text);
  }
}

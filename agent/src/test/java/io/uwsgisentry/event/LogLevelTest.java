package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogLevelTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ERROR:root:no milk left | error",
        "WARNING:shop.cart:few left | warning",
        "2026-01-01 12:00:00,123 CRITICAL shop: no stock | fatal",
        "[2026-01-01 12:00:00 +0000] [12] [INFO] started | info",
        "E, [2026-01-01T12:00:00.1 #1] ERROR -- : no milk | error",
        "2026/01/01 12:00:00 [warn] few left | warning",
        "ts=1 level=error msg=\"no milk\" | error",
        "{\"level\": \"debug\", \"message\": \"ERROR\"} | debug",
        "Jan 01, 2026 12:00:00 PM shop.Cart reserve SEVERE: no milk | error",
        "PHP Warning:  Undefined variable $a in /srv/a.php on line 3 | warning",
        "PHP Fatal error:  Uncaught Error in /srv/a.php:3 | error",
        "[uwsgi-perl error] no milk at a.psgi line 3. | error",
        "Traceback (most recent call last): | error",
        "[pid: 1] GET /ERROR?level=errors => generated 5 bytes | info",
        "/srv/ERROR/app.py loaded | info",
        "an error of no level | info",
      })
  void a_line_tells_its_level(String line, String level) {
    assertThat(LogLevel.of(line)).isEqualTo(level);
  }
}

package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TraceContextTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String EVENT = "fedcba98765432100123456789abcdef";

  @ParameterizedTest
  @CsvSource({
    "HTTP_SENTRY_TRACE, 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "HTTP_SENTRY_TRACE, 0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331",
    "HTTP_SENTRY_TRACE, 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-",
    "HTTP_TRACEPARENT, 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "HTTP_TRACEPARENT, 01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later"
  })
  void theRequestsSpanIsAChildOfTheCallers(String header, String value) {
    assertThat(TraceContext.of(Map.of(header, value), EVENT))
        .containsEntry("trace_id", TRACE)
        .containsEntry("parent_span_id", "b7ad6b7169203331")
        .containsEntry("span_id", "fedcba9876543210");
  }

  @Test
  void sentrysOwnHeaderCounts() {
    assertThat(
            TraceContext.of(
                Map.of(
                    "HTTP_SENTRY_TRACE",
                    TRACE + "-b7ad6b7169203331",
                    "HTTP_TRACEPARENT",
                    "00-11111111111111111111111111111111-2222222222222222-01"),
                EVENT))
        .containsEntry("trace_id", TRACE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-",
        "0af7651916cd43dd8448eb211c80319c",
        "00000000000000000000000000000000-b7ad6b7169203331-1",
        "0af7651916cd43dd8448eb211c80319c-0000000000000000-1",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0af7651916cd43dd8448eb211c80319x-b7ad6b7169203331-1"
      })
  void whatIsNoTraceIsNone(String value) {
    assertThat(TraceContext.of(Map.of("HTTP_SENTRY_TRACE", value), EVENT)).isNull();
    assertThat(TraceContext.of(Map.of("HTTP_TRACEPARENT", value), EVENT)).isNull();
  }
}

package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TransactionNameTest {

  @ParameterizedTest(name = "{0} is {1}")
  @CsvSource({
    "'', GET /",
    "/, GET /",
    "/orders, GET /orders",
    "/orders/, GET /orders/",
    "/orders/12, GET /orders/{id}",
    "/orders/12/, GET /orders/{id}/",
    "/orders/12/items/7, GET /orders/{id}/items/{id}",
    "/orders/order-12345, GET /orders/order-{id}",
    "/v2/api/x1, GET /v2/api/x1",
    "/a/3f2504e0-4f89-11d3-9a0c-0305e82c3301, GET /a/{id}",
    "/a/d6cd1e2bd19e03a8, GET /a/{id}",
    "/a/deadbeef, GET /a/deadbeef",
    "/static/app.d6cd1e2bd.js, GET /static/app.{id}.js",
    "/archive/2026-11-22, GET /archive/{id}",
    "/archive/2026-11, GET /archive/{id}",
    "/user/joe@example.com, GET /user/{id}",
    "/user/joe%40example.com, GET /user/{id}",
    "/t/dGhpc2lzYXRva2VuMTIzNDU2, GET /t/{id}",
    "/some-very-readable-slug-of-a-page, GET /some-very-readable-slug-of-a-page",
    "/orders?id=7, GET /orders",
    "/orders;jsessionid=7, GET /orders",
    "/orders#x, GET /orders",
    "//a//7//, GET //a//{id}//",
    "*, GET *",
  })
  void idsAreReplaced(String path, String name) {
    assertThat(TransactionName.of("GET", path)).isEqualTo(name);
  }

  @Test
  void aSegmentLongerThanANameIsNone() {
    assertThat(TransactionName.of("GET", "/" + "a".repeat(60) + "/x")).isEqualTo("GET /{id}/x");
  }

  /** What {@code %0A} becomes in a decoded path. */
  @Test
  void aSegmentWithALineBreakOrAnotherControlCharacterIsNone() {
    for (String segment :
        new String[] {"a\nb", "joe@x\ny", "17\n", "a\tb", "x".repeat(59) + "\nyz"}) {
      assertThat(TransactionName.of("GET", "/u/" + segment + "/x")).isEqualTo("GET /u/{id}/x");
    }
  }

  @Test
  void withoutAMethodThePathStandsAlone() {
    assertThat(TransactionName.of("", "/a/1")).isEqualTo("/a/{id}");
  }
}

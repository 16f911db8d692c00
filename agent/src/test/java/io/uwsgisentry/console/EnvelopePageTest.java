package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EnvelopePageTest {
  @Test
  void showsTheRequestWithoutKeyAndSecret() {
    String page =
        EnvelopePage.text(
            Sample.with(Sample.waiting(), "{\"extra\":{\"dsn\":\"topsecret\"}}"), Sample.NOON);
    assertThat(
            page.replaceAll("uwsgi-sentry/[^,\\s]+", "uwsgi-sentry/V")
                .replaceAll("\"version\":\"[^\"]*\"", "\"version\":\"V\""))
        .isEqualTo(
            """
            POST https://sentry.example.com/api/7/envelope/
            Content-Type: application/x-sentry-envelope
            Content-Encoding: gzip
            X-Sentry-Auth: Sentry sentry_version=7,sentry_client=uwsgi-sentry/V,sentry_key=***,sentry_secret=***
            User-Agent: uwsgi-sentry/V

            {"event_id":"2e000000000000000000000000000000","sent_at":"2026-11-22T11:00:00.123Z","sdk":{"name":"uwsgi-sentry","version":"V"}}
            {"type":"event","length":29,"content_type":"application/json"}
            {"extra":{"dsn":"***"}}
            """);
  }

  @Test
  void withoutADestinationOnlyTheEnvelopeIsShown() {
    assertThat(EnvelopePage.text(Sample.with(Sample.local(), "{}"), Sample.NOON))
        .startsWith("{\"event_id\":\"1f000000000000000000000000000000\"")
        .endsWith("\n{}\n");
  }

  @Test
  void whatIsNoEventIsNotSent() {
    assertThat(EnvelopePage.text(Sample.with(Sample.local(), "\u0001"), Sample.NOON))
        .isEqualTo("Nothing is sent for this record: no event could be made of it.\n");
  }
}

package io.uwsgisentry.event;

import static io.uwsgisentry.event.Built.at;
import static io.uwsgisentry.event.Built.build;
import static io.uwsgisentry.event.Built.payload;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What must not leave the machine is in no part of an event, wherever it came from. */
class EventSecretsTest {

  @Test
  void aTemplateNeverCarriesASecretInItsParameters() throws Exception {
    Event event =
        build(
            RecordFixture.alarm("worker 3: cannot reach redis://x:87654321@h:6379/0", "").record());
    assertThat(new String(event.payload(), StandardCharsets.UTF_8)).doesNotContain("87654321");
    assertThat(event.title()).isEqualTo("worker 3: cannot reach redis://x:[Filtered]@h:6379/0");
  }

  @Test
  void namesThatTheUserAddedAreFilteredEverywhere() throws Exception {
    Event event =
        build(
            RecordFixture.captured(Kind.EXCEPTION, "exceptions")
                .defaults("scrub", "iban")
                .with("exception.plugin", "python")
                .parts("python.exception", "", "builtins", "KeyError", "iban=hush")
                .parts("python.frame", "/srv/a.py", "7", "f", "a")
                .parts("python.local", "iban", "'hush'")
                .parts("python.local", "order", "{'iban': 'hush'}")
                .request("QUERY_STRING", "iban=hush", "HTTP_X_IBAN", "hush", "IBAN", "hush")
                .log("paid with iban=hush")
                .record());
    assertThat(new String(event.payload(), StandardCharsets.UTF_8))
        .contains("[Filtered]")
        .doesNotContain("hush");
  }

  @Test
  void anAlarmDoesNotTellWhoTheClientIs() throws Exception {
    for (String options : List.of("", "message=a line was logged")) {
      for (String line :
          List.of(
              "[pid: 1|app: 0|req: 1/1] 203.0.113.7 (joe) {24 vars in 258 bytes} [x] GET /x",
              "Sun Nov 22 14:49:01 2026 - HARAKIRI [core 0] 203.0.113.7 - GET / since 1")) {
        Record record = RecordFixture.alarm(line, options).record();
        String sent =
            new String(
                Built.FACTORY.build(record, HandlerSettings.of(record)).payload(),
                StandardCharsets.UTF_8);
        assertThat(sent).contains("[Filtered]").doesNotContain("203.0.113.7", "joe");
      }
    }
  }

  @Test
  void aSecretInAPathIsInNoTransactionAndNoFingerprint() throws Exception {
    Record record =
        RecordFixture.captured(Kind.FAILED, "failed")
            .request("REQUEST_METHOD", "GET", "PATH_INFO", "/api/token=hush", "HTTP_HOST", "h")
            .with("request.started", "1")
            .with("request.status", "500")
            .record();
    String sent =
        new String(
            Built.FACTORY.build(record, HandlerSettings.of(record)).payload(),
            StandardCharsets.UTF_8);
    assertThat(sent)
        .contains("\"transaction\":\"GET /api/token=[Filtered]\"")
        .doesNotContain("hush");
  }

  /** {@code transaction=GET ${REQUEST_URI}}: what the client wrote stands in the option's place. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "transaction",
        "logger",
        "server_name",
        "release",
        "environment",
        "dist",
        "message",
        "exception_type",
        "exception_value"
      })
  void aSecretOfARequestDoesNotGoOutWithAnOptionThatQuotesIt(String option) throws Exception {
    for (String value : List.of("/login?password=hush&a=1", "https://joe:hush@h/a")) {
      for (RecordFixture record :
          List.of(
              RecordFixture.route("route-run", ""),
              RecordFixture.exception("").with("exception.type", "shop.Error"))) {
        Event event = build(record.pairs("option", option, value).record());
        assertThat(new String(event.payload(), StandardCharsets.UTF_8) + event.title())
            .contains("Filtered")
            .doesNotContain("hush");
      }
    }
  }

  @Test
  void aSecretOfARequestIsInNoFingerprintThatAnOptionAsksFor() throws Exception {
    Event event =
        build(
            RecordFixture.route("route-run", "")
                .with("fingerprint", "/login?password=hush&a=1")
                .record());
    assertThat(Built.map(Json.parseObject(event.payload())).get("fingerprint"))
        .isEqualTo(List.of("/login?password=[Filtered]&a=1"));
  }

  /** What identifies a user is the option's author's to choose; only further keys have names. */
  @Test
  void theUserIsSentAsTheOptionSaysIt() throws Exception {
    Event event =
        build(
            RecordFixture.route("route-run", "")
                .pairs("user", "id", "token=17", "plan", "token=17")
                .record());
    assertThat(Built.map(Json.parseObject(event.payload())).get("user").toString())
        .contains("id=token=17")
        .contains("plan=token=[Filtered]");
  }

  @Test
  void withConsentACookieMayBeToldButNotASecretInItsValue() throws Exception {
    Map<String, Object> event =
        payload(
            RecordFixture.route("route-run", "")
                .defaults("send_default_pii", "1")
                .request(
                    "REQUEST_URI",
                    "/",
                    "HTTP_COOKIE",
                    "lang=de; back=https://joe:hush@h/; prefs=a%3D1%26token%3Dhush; "
                        + "form={\"password\":\"hush\"}; sid=hush"));
    assertThat((Map<?, ?>) at(event, "request", "cookies"))
        .isEqualTo(
            Map.of(
                "lang", "de",
                "back", "https://joe:[Filtered]@h/",
                "prefs", "a%3D1%26token%3D[Filtered]",
                "form", "{\"password\":\"[Filtered]\"}",
                "sid", "[Filtered]"));
  }
}

package io.uwsgisentry.event;

import static io.uwsgisentry.event.Built.at;
import static io.uwsgisentry.event.Built.build;
import static io.uwsgisentry.event.Built.map;
import static io.uwsgisentry.event.Built.payload;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** One event that stands for many. */
class OccurrencesTest {
  @Test
  void aSummaryIsTheSameEventWithTheCountAndAnIdOfItsOwn() throws Exception {
    Event event =
        build(
            RecordFixture.exception("extra=a:1,fingerprint=x")
                .with("exception.type", "T")
                .record());
    Instant last = event.time().plusSeconds(60);
    Occurrences occurrences =
        new Occurrences(
            4711, event.time(), last, 5, event.time(), Map.of("worker", Map.of("3", 4711L)));
    Event summary = occurrences.summary(event, Kind.EXCEPTION);
    Map<String, Object> before = Json.parseObject(event.payload());
    Map<String, Object> after = Json.parseObject(summary.payload());
    assertThat(summary.id()).matches("[0-9a-f]{32}").isNotEqualTo(event.id());
    assertThat(after)
        .containsEntry("event_id", summary.id())
        .containsEntry("timestamp", "2023-11-14T22:14:20.123456Z")
        .containsEntry("exception", before.get("exception"))
        .containsEntry("fingerprint", before.get("fingerprint"))
        .containsEntry("contexts", before.get("contexts"));
    assertThat(map(after.get("extra")))
        .containsEntry("occurrences", 4711L)
        .containsEntry("first_occurrence", "2023-11-14T22:13:20.123456Z")
        .containsEntry("last_occurrence", "2023-11-14T22:14:20.123456Z")
        .containsEntry("storm", "4,716 times in 60 s, 5 of them told before")
        .containsEntry("most_frequent", Map.of("worker", Map.of("3", 4711L)))
        .containsEntry("a", "1");
    assertThat(new String(summary.payload(), StandardCharsets.UTF_8))
        .contains("\"occurrences\":4711");
    assertThat(summary.time()).isEqualTo(last);
    assertThat(summary.title()).isEqualTo(event.title());
  }

  @Test
  void aSummaryOfDeathsNamesTheWorkersAndHowOftenTheyDied() {
    Instant first = Instant.ofEpochSecond(100);
    Event death =
        new Event("", first, "error", "fatal", "SIGKILL", "{}".getBytes(StandardCharsets.UTF_8));
    assertThat(storm(death, first, Map.of("worker", Map.of("3", 11L))))
        .isEqualTo("worker 3 died 12 times in 55 s, 1 of them told before");
    assertThat(storm(death, first, Map.of()))
        .isEqualTo("died 12 times in 55 s, 1 of them told before");
  }

  private static Object storm(Event like, Instant first, Map<String, Map<String, Long>> frequent) {
    Occurrences occurrences =
        new Occurrences(11, first.plusSeconds(5), first.plusSeconds(55), 1, first, frequent);
    try {
      byte[] payload = occurrences.summary(like, Kind.DEATH).payload();
      return map(Json.parseObject(payload).get("extra")).get("storm");
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void whatWasOnlyEverCountedIsSummedUpWithoutAnExample() throws Exception {
    Event event =
        Built.FACTORY.summary(
            Kind.ROUTE,
            HandlerSettings.of("route ^/", "level=warning", Map.of()),
            new Occurrences(
                3,
                Instant.ofEpochSecond(1),
                Instant.ofEpochSecond(2),
                0,
                Instant.ofEpochSecond(1),
                Map.of("worker", Map.of("1", 3L))));
    assertThat(event.title()).contains("route ^/");
    assertThat(event.level()).isEqualTo("warning");
    assertThat(at(Json.parseObject(event.payload()), "extra", "occurrences")).isEqualTo(3L);
  }
}

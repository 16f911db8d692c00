package io.uwsgisentry.event;

import static io.uwsgisentry.event.Built.at;
import static io.uwsgisentry.event.Built.build;
import static io.uwsgisentry.event.Built.map;
import static io.uwsgisentry.event.Built.payload;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** One event that stands for many. */
class OccurrencesTest {
  private static final Map<String, Object> MECHANISM = Map.of("type", "uwsgi", "handled", false);

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
        .containsEntry("fingerprint", before.get("fingerprint"))
        .containsEntry("contexts", before.get("contexts"));
    assertThat(map(after.get("extra")))
        .containsEntry("occurrences", 4711L)
        .containsEntry("first_occurrence", "2023-11-14T22:13:20.123456Z")
        .containsEntry("last_occurrence", "2023-11-14T22:14:20.123456Z")
        .containsEntry("summary", "4,716 times in 60 s, 5 of them reported before")
        .containsEntry("most_frequent", Map.of("worker", Map.of("3", 4711L)))
        .containsEntry("a", "1");
    assertThat(new String(summary.payload(), StandardCharsets.UTF_8))
        .contains("\"occurrences\":4711");
    assertThat(summary.time()).isEqualTo(last);
    assertThat(summary.title()).isEqualTo(event.title());
    assertThat(map(after.get("tags"))).containsEntry("uwsgi.occurrences", "4711");
    assertThat(at(before, "exception", "values", 0))
        .isEqualTo(Map.of("type", "T", "mechanism", MECHANISM));
    assertThat(at(after, "exception", "values", 0))
        .isEqualTo(Map.of("type", "T", "mechanism", MECHANISM, "value", "4,711 more in 60 s"));
  }

  @Test
  void theTitleSaysTheCountWhereTheEventStaysInItsIssue() throws Exception {
    assertThat(summed("fingerprint=x"))
        .as("an issue by its fingerprint")
        .isEqualTo(List.of("37 more in 60 s: v", "37 more in 60 s", "37 more in 60 s"));
    assertThat(summed(""))
        .as("an issue by the exception's text")
        .isEqualTo(List.of("v", "37 more in 60 s", "37 more in 60 s"));
    assertThat(summed("fingerprint={{ default }};x"))
        .as("an issue by both")
        .isEqualTo(List.of("v", "37 more in 60 s", "37 more in 60 s"));
  }

  private static List<Object> summed(String options) throws Exception {
    Event event =
        build(
            RecordFixture.exception(options)
                .with("exception.type", "T")
                .with("exception.value", "v")
                .record());
    Map<String, Object> summary = Json.parseObject(more(37, more(5, event)).payload());
    return List.of(
        at(summary, "exception", "values", 0, "value"),
        at(summary, "logentry", "formatted"),
        at(summary, "logentry", "message"));
  }

  private static Event more(long count, Event like) {
    Instant last = like.time().plusSeconds(60);
    return new Occurrences(count, like.time(), last, 5, last.minusSeconds(60), Map.of())
        .summary(like, Kind.EXCEPTION);
  }

  @Test
  void aMessageSaysTheCountBesideTheTemplateThatItIsGroupedBy() throws Exception {
    Event event = build(RecordFixture.alarm("queue is 17", "").record());
    Map<String, Object> summary = Json.parseObject(more(37, more(5, event)).payload());
    assertThat(at(summary, "logentry", "formatted")).isEqualTo("37 more in 60 s: queue is 17");
    assertThat(at(summary, "logentry", "message")).isEqualTo("queue is %s");
  }

  @Test
  void aSummaryOfDeathsNamesTheWorkersAndHowOftenTheyDied() {
    Instant first = Instant.ofEpochSecond(100);
    Event death =
        new Event("", first, "error", "fatal", "SIGKILL", "{}".getBytes(StandardCharsets.UTF_8));
    assertThat(storm(death, first, Map.of("worker", Map.of("3", 11L))))
        .isEqualTo("worker 3 died 12 times in 55 s, 1 of them reported before");
    assertThat(storm(death, first, Map.of()))
        .isEqualTo("died 12 times in 55 s, 1 of them reported before");
  }

  private static Object storm(Event like, Instant first, Map<String, Map<String, Long>> frequent) {
    Occurrences occurrences =
        new Occurrences(11, first.plusSeconds(5), first.plusSeconds(55), 1, first, frequent);
    try {
      byte[] payload = occurrences.summary(like, Kind.DEATH).payload();
      return map(Json.parseObject(payload).get("extra")).get("summary");
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

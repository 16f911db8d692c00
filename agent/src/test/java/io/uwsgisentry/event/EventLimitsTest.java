package io.uwsgisentry.event;

import static io.uwsgisentry.event.Built.at;
import static io.uwsgisentry.event.Built.build;
import static io.uwsgisentry.event.Built.list;
import static io.uwsgisentry.event.Built.map;
import static io.uwsgisentry.event.Built.payload;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.redaction.Redaction;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What servers refuse or cut is made legal and shortened before, and told. */
class EventLimitsTest {
  @Test
  void whatIsTooLongIsShortenedAndTold() throws Exception {
    String long9k = "x".repeat(9000);
    Map<String, Object> event =
        payload(
            RecordFixture.alarm(
                long9k,
                "logger="
                    + long9k
                    + ",transaction="
                    + long9k
                    + ",server_name="
                    + long9k
                    + ",release="
                    + long9k
                    + ",environment="
                    + long9k
                    + ",dist="
                    + long9k
                    + ",exception_type="
                    + long9k
                    + ",exception_value="
                    + long9k
                    + ",tags="
                    + "k".repeat(40)
                    + ":"
                    + long9k
                    + ",fingerprint="
                    + long9k
                    + ",user=id:"
                    + long9k
                    + ",extra=e:"
                    + "y".repeat(20_000)));
    assertThat((String) at(event, "logentry", "formatted")).hasSize(8192).endsWith("...");
    assertThat((String) event.get("logger")).hasSize(64);
    assertThat((String) event.get("transaction")).hasSize(200);
    assertThat((String) event.get("server_name")).hasSize(256);
    assertThat((String) event.get("release")).hasSize(200);
    assertThat((String) event.get("environment")).hasSize(64);
    assertThat((String) event.get("dist")).hasSize(64);
    assertThat((String) at(event, "exception", "values", 0, "type")).hasSize(256);
    assertThat((String) at(event, "exception", "values", 0, "value")).hasSize(8192);
    assertThat((String) at(event, "tags", "k".repeat(29) + "...")).hasSize(200);
    assertThat((String) at(event, "extra", "e")).hasSize(16_384);
    assertThat((List<Object>) list(at(event, "extra", "trimmed")))
        .contains("message: 8192 of 9000 characters kept", "release: 200 of 9000 characters kept")
        .hasSize(14);
  }

  @Test
  void aValueThatTheWriterCutIsTold() throws Exception {
    assertThat(list(at(payload(RecordFixture.alarm("x", "").cut()), "extra", "trimmed")))
        .containsExactly("the record: a value was too long to be written whole");
    assertThat(payload(RecordFixture.alarm("x", ""))).doesNotContainKey("extra");
  }

  @Test
  void shorteningNeverSplitsACharacter() throws Exception {
    String emoji = "\ud83d\ude00".repeat(5000);
    String shown =
        (String) at(payload(RecordFixture.alarm("a" + emoji, "")), "logentry", "formatted");
    assertThat(shown).hasSizeLessThanOrEqualTo(8192).endsWith("\ude00...");
    assertThat((String) at(payload(RecordFixture.alarm(emoji, "")), "logentry", "formatted"))
        .endsWith("\ude00...");
  }

  @ParameterizedTest(name = "{0} is sent as {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "a b:c d | a-b | c d",
        "a/b:c   | a-b | c",
        "größe:c | gr--e | c",
        "ok_1.x-y:c | ok_1.x-y | c",
        "api_key:hush | api_key | [Filtered]",
        "url:http://u:p@h/ | url | http://u:[Filtered]@h/",
      })
  void tagsAreMadeLegal(String tag, String key, String value) throws Exception {
    assertThat(at(payload(RecordFixture.alarm("x", "tags=" + tag)), "tags", key)).isEqualTo(value);
  }

  @Test
  void aTagWithoutValueIsLeftOutAndTooManyAreTold() throws Exception {
    assertThat(map(payload(RecordFixture.alarm("x", "tags=a:;b:1")).get("tags")))
        .doesNotContainKey("a")
        .containsEntry("b", "1");
    String many =
        IntStream.range(0, 100).mapToObj(i -> "t" + i + ":1").collect(Collectors.joining(";"));
    Map<String, Object> event = payload(RecordFixture.alarm("x", "tags=" + many));
    assertThat(map(event.get("tags"))).hasSize(EventDraft.MAX_TAGS).containsKey("uwsgi.kind");
    assertThat(list(at(event, "extra", "trimmed")))
        .anyMatch(t -> t.toString().startsWith("tags: "));
  }

  @Test
  void namesThatServersRefuseAreMadeLegalOrLeftOut() throws Exception {
    Map<String, Object> event =
        payload(
            RecordFixture.alarm(
                "x", "release=a/b\nc,environment=x/y,dist=ä 1,logger=a\nb,transaction=a\nb"));
    assertThat(event)
        .containsEntry("release", "a-b-c")
        .containsEntry("environment", "x-y")
        .containsEntry("dist", "--1")
        .containsEntry("logger", "a b")
        .containsEntry("transaction", "a b");
    Map<String, Object> none = payload(RecordFixture.alarm("x", "release=..,environment=none"));
    assertThat(none).doesNotContainKeys("release", "environment");
    assertThat(list(at(none, "extra", "trimmed"))).hasSize(2);
  }

  @Test
  void theTitleIsOneShortLine() throws Exception {
    assertThat(build(RecordFixture.alarm("one\n  two\r\n" + "x".repeat(300), "").record()).title())
        .startsWith("one two xxx")
        .hasSize(200)
        .endsWith("...");
  }

  @Test
  void aBacktraceBeyondTheBoundLosesItsMiddle() throws Exception {
    String[] frames =
        IntStream.range(0, 300)
            .boxed()
            .flatMap(i -> Arrays.stream(new String[] {"/a.py", "" + (i + 1), "f" + i, "", ""}))
            .toArray(String[]::new);
    List<?> kept =
        list(
            at(
                payload(RecordFixture.exception("").backtrace(frames)),
                "exception",
                "values",
                0,
                "stacktrace",
                "frames"));
    assertThat(kept).hasSize(250);
    assertThat(at(kept.get(0), "function")).isEqualTo("f0");
    assertThat(at(kept.get(249), "function")).isEqualTo("f299");
  }

  @Test
  void theLargestRecordMakesAnEventThatServersTake() throws Exception {
    String control = "\u0001".repeat(60_000);
    String extras =
        IntStream.range(0, 60)
            .mapToObj(i -> "e" + i + ":" + "\u0002".repeat(9000))
            .collect(Collectors.joining(";"));
    RecordFixture fixture =
        RecordFixture.exception("message=" + control + ",extra=" + extras)
            .with("exception.type", control)
            .with("exception.value", control)
            .backtrace(
                IntStream.range(0, 1500)
                    .mapToObj(i -> i % 5 == 1 ? "1" : "\u0003".repeat(100))
                    .toArray(String[]::new));
    String[] vars =
        IntStream.range(0, 60)
            .mapToObj(i -> i % 2 == 0 ? "HTTP_H" + i : "\u0004".repeat(2000))
            .toArray(String[]::new);
    Event event = build(fixture.request(vars).record());
    assertThat(event.payload().length).isLessThanOrEqualTo(EventFactory.MAX_PAYLOAD);
    assertThat(list(at(Json.parseObject(event.payload()), "extra", "trimmed")))
        .contains("extra: left out, the event was too large");
  }

  @Test
  void aLargeEventLosesWhatSurroundsItsFramesFirst() throws Exception {
    RecordFixture fixture = python(40, 25, 300);
    Event event = build(fixture.record());
    Map<String, Object> payload = Json.parseObject(event.payload());
    assertThat(event.payload().length).isLessThanOrEqualTo(200 << 10);
    List<Object> frames = list(at(payload, "exception", "values", 0, "stacktrace", "frames"));
    assertThat(frames).hasSize(40);
    assertThat(map(frames.get(0))).as("of a library").doesNotContainKey("vars");
    assertThat(map(frames.get(39))).as("of the application").containsKey("vars");
    assertThat(list(at(payload, "extra", "trimmed")))
        .containsExactly("variables of frames of libraries: left out, the event was too large");

    payload = Json.parseObject(build(python(100, 30, 1000).record()).payload());
    frames = list(at(payload, "exception", "values", 0, "stacktrace", "frames"));
    assertThat(frames).hasSize(100).noneMatch(frame -> map(frame).containsKey("vars"));
  }

  @Test
  void anEventOfManyFramesTakesMilliseconds() throws Exception {
    Record record = python(100, 30, 1000).record();
    org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(
        java.time.Duration.ofSeconds(120),
        () -> {
          for (int i = 0; i < 20; i++) {
            build(record);
          }
        });
  }

  private static RecordFixture python(int frames, int locals, int chars) {
    RecordFixture fixture =
        RecordFixture.captured(Kind.EXCEPTION, "exceptions")
            .with("exception.plugin", "python")
            .parts("python.exception", "", "builtins", "KeyError", "'x'");
    for (int i = 0; i < frames; i++) {
      String directory = i % 2 == 0 ? "/usr/lib/python3/dist-packages/a" : "/srv/app/a";
      fixture.parts("python.frame", directory + i + ".py", "7", "f" + i, "a" + i);
      for (int n = 0; n < locals; n++) {
        fixture.parts("python.local", "v" + n, "'" + "x".repeat(chars) + "'");
      }
    }
    return fixture;
  }

  /** Counts what the scrubber is given to search. */
  private static final class Searched implements Redaction {
    private final Redaction redaction = new Scrubber();
    private int longest;

    @Override
    public Redaction under(HandlerSettings settings) {
      return this;
    }

    @Override
    public boolean isSecret(String name) {
      return redaction.isSecret(name);
    }

    @Override
    public boolean isPersonal(String name) {
      return redaction.isPersonal(name);
    }

    @Override
    public boolean sendsPersonalData() {
      return true;
    }

    @Override
    public String text(String text) {
      longest = Math.max(longest, text.length());
      return redaction.text(text);
    }

    @Override
    public String logLine(String line) {
      longest = Math.max(longest, line.length());
      return redaction.logLine(line);
    }

    @Override
    public String query(String query) {
      longest = Math.max(longest, query.length());
      return redaction.query(query);
    }
  }

  /** A worker of somebody else's could keep the agent busy with a text of a whole record. */
  @Test
  void ofALongTextOnlySoMuchIsFilteredAsCanBeShown() throws Exception {
    String text = "token=a ".repeat(30_000);
    for (RecordFixture record :
        List.of(
            RecordFixture.alarm(text, "message=m").log(text),
            RecordFixture.alarm(text, ""),
            RecordFixture.route("route-run", "")
                .pairs("option", "transaction", text, "message", text, "logger", text)
                .with("fingerprint", text)
                .pairs("tag", "a", text)
                .pairs("extra", "a", text)
                .pairs("user", "plan", text)
                .request("REQUEST_URI", "/" + text + "?" + text, "HTTP_A", text, "B", text),
            RecordFixture.route("route-run", "")
                .request("SCRIPT_NAME", text, "PATH_INFO", text, "HTTP_REFERER", "/?" + text),
            RecordFixture.exception("")
                .with("exception.type", text)
                .with("exception.value", text)
                .with("exception.plugin", "python")
                .parts("python.exception", "", "shop", "Error", text)
                .parts("python.frame", "/srv/a.py", "7", "f", text)
                .parts("python.local", "a", text),
            RecordFixture.of(Kind.DEATH).pairs("death", "name", text),
            RecordFixture.of(Kind.BOOT).pairs("boot", "what", text))) {
      Searched searched = new Searched();
      Record whole = record.record();
      new EventFactory(searched, "0.1.0").build(whole, HandlerSettings.of(whole));
      assertThat(searched.longest).isBetween(1, 5 * EventDraft.MAX_EXTRA_VALUE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://joe:hush-%s@host/", "<token>hush %s</token>"})
  void whereATextIsCutItShowsNoSecretWhoseEndIsMissing(String secret) throws Exception {
    int searched = 4 * EventDraft.MAX_MESSAGE + 1024;
    for (int before = searched - 600; before < searched; before += 9) {
      String start = "password=" + "x".repeat(before - 9) + " ";
      Map<String, Object> event =
          payload(
              RecordFixture.exception("")
                  .with("exception.type", "Error")
                  .with("exception.value", start + secret.formatted("z".repeat(700))));
      assertThat((String) at(event, "exception", "values", 0, "value"))
          .isEqualTo("password=[Filtered]...");
    }
  }
}

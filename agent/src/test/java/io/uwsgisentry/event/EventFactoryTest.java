package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sentry.Sentry;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.policy.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class EventFactoryTest {
  private final EventFactory factory = new EventFactory(new Scrubber(), "0.1.0");

  @Test
  void textsOfTheUserSurviveAsJson() throws Exception {
    Map<String, Object> event =
        payload(
            RecordFixture.alarm(
                "x",
                "message=say \"hi\"\nand 'bye' \u20ac \ud83d\ude00\t\\\\,tags=q:a\"b'c;ü:ö\u2028,extra=n:one\ntwo"));
    assertThat(at(event, "logentry", "formatted"))
        .isEqualTo("say \"hi\"\nand 'bye' \u20ac \ud83d\ude00\t\\");
    assertThat(at(event, "tags", "q")).isEqualTo("ab'c;ü:ö\u2028");
    assertThat(at(event, "extra", "n")).isEqualTo("one\ntwo");
  }

  @Test
  void bytesThatAreNoTextLoseNothingElse() throws Exception {
    byte[] bad = {'a', (byte) 0xff, (byte) 0xed, (byte) 0xa0, (byte) 0x80, 0, 'b', 1, 0x1b};
    Map<String, Object> event =
        payload(
            RecordFixture.alarm("", "logger=l").with("text", "unused"),
            RecordFixture.route("route", "")
                .with("request.vars", RecordFixture.block("REQUEST_URI", "/")));
    assertThat(event).isNotEmpty();
    Record record =
        RecordFixture.exception("")
            .with("exception.type", bad)
            .with("exception.value", bad)
            .record();
    Map<String, Object> exception = payload(record);
    String type = (String) at(exception, "exception", "values", 0, "type");
    assertThat(type).startsWith("a\ufffd").endsWith("\ufffdb\u0001\u001b").doesNotContain("\0");
  }

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
    assertThat(map(event.get("tags"))).hasSize(Draft.MAX_TAGS).containsKey("uwsgi.kind");
    assertThat(list(at(event, "extra", "trimmed")))
        .anyMatch(t -> t.toString().startsWith("tags: "));
  }

  @Test
  void aTagOfTheUserWinsOverOurs() throws Exception {
    assertThat(at(payload(RecordFixture.alarm("x", "tags=uwsgi.kind:own")), "tags", "uwsgi.kind"))
        .isEqualTo("own");
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
  void aPlatformThatSentryDoesNotKnowIsOtherAndTold() throws Exception {
    assertThat(payload(RecordFixture.alarm("x", "platform=php"))).containsEntry("platform", "php");
    Map<String, Object> event = payload(RecordFixture.alarm("x", "platform=cobol"));
    assertThat(event).containsEntry("platform", "other");
    assertThat(list(at(event, "extra", "trimmed")))
        .containsExactly("platform: Sentry does not know 'cobol'");
  }

  @Test
  void serverNameWithoutReleaseIsFine() throws Exception {
    assertThat(payload(RecordFixture.alarm("x", "server_name=web9")))
        .containsEntry("server_name", "web9")
        .doesNotContainKey("release");
  }

  @Test
  void theUsersAddressMustBeOne() throws Exception {
    assertThat(map(payload(RecordFixture.alarm("x", "user=ip_address:10.0.0.1")).get("user")))
        .containsEntry("ip_address", "10.0.0.1");
    assertThat(map(payload(RecordFixture.alarm("x", "user=ip_address:nonsense")).get("user")))
        .containsEntry("data", Map.of("ip_address", "nonsense"));
  }

  @Test
  void exceptionOptionsReplaceWhatTheExceptionSays() throws Exception {
    Map<String, Object> event =
        payload(
            RecordFixture.exception("exception_type=Mine,exception_value=own,message=text")
                .with("exception.type", "builtins.KeyError")
                .with("exception.value", "'x'")
                .with("exception.repr", "KeyError: 'x'")
                .with("exception.plugin", "python"));
    assertThat(at(event, "exception", "values", 0, "type")).isEqualTo("Mine");
    assertThat(at(event, "exception", "values", 0, "value")).isEqualTo("own");
    assertThat(at(event, "logentry", "formatted")).isEqualTo("text");
    assertThat(event).containsEntry("platform", "python");
  }

  @Test
  void anExceptionWithoutTypeNeverInheritsOne() throws Exception {
    payload(RecordFixture.exception("").with("exception.type", "KeyError"));
    assertThat(
            at(
                payload(RecordFixture.exception("").with("exception.value", "v")),
                "exception",
                "values",
                0,
                "type"))
        .isEqualTo("Exception");
    assertThat(
            at(
                payload(RecordFixture.exception("").with("exception.type", "")),
                "exception",
                "values",
                0,
                "type"))
        .isEqualTo("Exception");
  }

  @Test
  void aTemplateNeverCarriesASecretInItsParameters() throws Exception {
    Event event =
        build(
            RecordFixture.alarm("worker 3: cannot reach redis://x:87654321@h:6379/0", "").record());
    assertThat(new String(event.payload(), StandardCharsets.UTF_8)).doesNotContain("87654321");
    assertThat(event.title()).isEqualTo("worker 3: cannot reach redis://x:[Filtered]@h:6379/0");
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
  void blocksThatEndTooEarlyGiveWhatIsWhole() throws Exception {
    byte[] block =
        RecordFixture.block("REQUEST_METHOD", "GET", "REQUEST_URI", "/a/1", "HTTP_X", "lost");
    for (int length = 0; length <= block.length; length++) {
      byte[] cut = Arrays.copyOf(block, length);
      assertThat(payload(RecordFixture.route("route", "").with("request.vars", cut)))
          .containsKey("event_id");
    }
    byte[] twoWhole = Arrays.copyOf(block, block.length - 1);
    assertThat(payload(RecordFixture.route("route", "").with("request.vars", twoWhole)))
        .containsEntry("transaction", "GET /a/{id}");
  }

  @ParameterizedTest(name = "{0} {1} {2} {3} is {4}")
  @CsvSource({
    "/a?x=1, h:8080, '', '', http://h:8080/a",
    "/a, h, https, '', https://h/a",
    "/a, h, '', on, https://h/a",
    "/a, h, '', off, http://h/a",
    "/a, '', '', '', http://web1:8081/a",
    "http://other/a?x=1, h, '', '', http://h/a",
    "http://other, h, '', '', http://h/",
    "'', h, '', '', http://h/script/info",
    "*, h, '', '', http://h*",
    "/x://y, h, '', '', http://h/x://y",
  })
  void theUrlIsWhatTheClientAskedFor(
      String uri, String host, String scheme, String https, String url) throws Exception {
    assertThat(
            at(
                payload(
                    RecordFixture.route("route", "")
                        .request(
                            "REQUEST_URI",
                            uri,
                            "HTTP_HOST",
                            host,
                            "REQUEST_SCHEME",
                            scheme,
                            "HTTPS",
                            https,
                            "SERVER_NAME",
                            "web1",
                            "SERVER_PORT",
                            "8081",
                            "SCRIPT_NAME",
                            "/script",
                            "PATH_INFO",
                            "/info")),
                "request",
                "url"))
        .isEqualTo(url);
  }

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      names = {"CONFIGURATION", "DROPS", "UNKNOWN"})
  void kindsWithoutABuilderAreRefused(Kind kind) {
    assertThatThrownBy(() -> build(RecordFixture.of(kind).record()))
        .isInstanceOf(UnbuildableRecordException.class)
        .hasMessageContaining("kind " + kind.code());
  }

  @Test
  void aBriefRecordIsRefusedBecauseItIsToBeCounted() {
    assertThatThrownBy(() -> build(RecordFixture.alarm("x", "").brief().record()))
        .isInstanceOf(UnbuildableRecordException.class)
        .hasMessageContaining("brief");
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
  void noRecordMakesABuilderFail() throws Exception {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    String[] names = {
      "handler",
      "options",
      "option",
      "tag",
      "extra",
      "user",
      "fingerprint",
      "default",
      "text",
      "request.vars",
      "request.started",
      "request.status",
      "exception.type",
      "exception.value",
      "exception.repr",
      "exception.backtrace",
      "exception.plugin",
      "python.exception",
      "python.frame",
      "python.local",
      "request.core",
      "request.thread",
      "request.took",
      "stack",
      "stack.taken",
      "proc",
      "death",
      "backtrace",
      "backlog",
      "busy",
      "boot",
      "state",
      "log",
      "unknown"
    };
    String[] seeds = {
      "",
      "dsn=https://k@h/1",
      "message\0x",
      "1700000000000000",
      "200",
      "tags=a:b;c",
      "started\0001",
      "a=\\,=,b",
      "99999999999999999999",
      "signal\0009",
      "code\0001",
      "__cause__\0m\0T\0v",
      "/a.py\0001\0f\0m",
      "Thread 0x00007f0000000001 (most recent call first):\n  File \"/a.py\", line 1 in f\n",
      "*** backtrace of 1 ***\nuwsgi(uwsgi_segfault+0x1) [0x1]\n/a.so(+0x1) [0x1001]\n",
      "1\0001\0001\0GET\0/a"
    };
    for (int i = 0; i < 5000; i++) {
      List<Fields.Field> fields =
          random
              .ints(random.nextInt(12), 0, names.length)
              .mapToObj(
                  n -> {
                    byte[] value =
                        random.nextBoolean()
                            ? seeds[random.nextInt(seeds.length)].getBytes(StandardCharsets.UTF_8)
                            : new byte[random.nextInt(60)];
                    if (random.nextBoolean()) {
                      random.nextBytes(value);
                    }
                    return new Fields.Field(names[n], value);
                  })
              .toList();
      Record sample = RecordFixture.of(Kind.ALARM).record();
      Record record =
          new Record(
              sample.id(),
              1 + random.nextInt(10),
              sample.process(),
              false,
              false,
              random.nextLong(1L << 52),
              1L,
              random.nextInt(3),
              random.nextInt(3) - 1,
              0L,
              0L,
              new Fields(fields));
      Event event = factory.build(record, HandlerSettings.of(record));
      assertThat(Json.parseObject(event.payload()))
          .as("seed " + seed)
          .containsEntry("event_id", record.id());
    }
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
        java.time.Duration.ofSeconds(30),
        () -> {
          for (int i = 0; i < 20; i++) {
            build(record);
          }
        });
  }

  /** Every second frame is a library's. */
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

  @Test
  void theLevelIsTheKindsUnlessAnOptionSaysMore() throws Exception {
    assertThat(build(RecordFixture.of(Kind.SLOW).record()).level()).isEqualTo("warning");
    assertThat(build(RecordFixture.of(Kind.BACKLOG).record()).level()).isEqualTo("warning");
    assertThat(build(RecordFixture.of(Kind.BOOT).record()).level()).isEqualTo("fatal");
    assertThat(build(RecordFixture.of(Kind.HARAKIRI).record()).level()).isEqualTo("error");
    Record slow = RecordFixture.of(Kind.SLOW).record();
    HandlerSettings fatal = HandlerSettings.of("capture slow", "level=fatal", Map.of());
    assertThat(factory.build(slow, fatal).level()).isEqualTo("fatal");
    assertThat(
            factory
                .summary(
                    Kind.SLOW,
                    HandlerSettings.of("capture slow", "", Map.of()),
                    new Occurrences(3, Instant.EPOCH, Instant.EPOCH, 0, Instant.EPOCH, Map.of()))
                .level())
        .isEqualTo("warning");
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
  void aTestEventTellsWhatItIsAndShowsTheHandlersSettings() throws Exception {
    HandlerSettings settings =
        HandlerSettings.of(
            "alarm lqfull",
            "dsn=https://k@h/1,level=warning,tags=a:b",
            Map.of("environment", "prod"));
    Event event = factory.test(settings, Instant.ofEpochSecond(1_700_000_000));
    Map<String, Object> payload = Json.parseObject(event.payload());
    assertThat(event.id())
        .matches("[0-9a-f]{32}")
        .isNotEqualTo(factory.test(settings, Instant.EPOCH).id());
    assertThat(event.title()).isEqualTo("Test event of uwsgi-sentry check for alarm lqfull");
    assertThat(payload).containsEntry("level", "warning").containsEntry("environment", "prod");
    assertThat(map(payload.get("tags")))
        .containsEntry("uwsgi.kind", "test")
        .containsEntry("a", "b");
  }

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
        factory.summary(
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

  @Test
  void sentrysSdkIsNeverInitialised() throws Exception {
    build(RecordFixture.alarm("x", "").record());
    assertThat(Sentry.isEnabled()).isFalse();
  }

  private Event build(Record record) throws UnbuildableRecordException {
    return factory.build(record, HandlerSettings.of(record));
  }

  private Map<String, Object> payload(RecordFixture... fixtures) throws Exception {
    Map<String, Object> last = Map.of();
    for (RecordFixture fixture : fixtures) {
      last = payload(fixture.record());
    }
    return last;
  }

  private Map<String, Object> payload(Record record) throws Exception {
    return Json.parseObject(build(record).payload());
  }

  private static Object at(Object json, Object... path) {
    Object here = json;
    for (Object step : path) {
      here = step instanceof Integer i ? ((List<?>) here).get(i) : ((Map<?, ?>) here).get(step);
    }
    return here;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Object json) {
    return (Map<String, Object>) json;
  }

  @SuppressWarnings("unchecked")
  private static List<Object> list(Object json) {
    return (List<Object>) json;
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
                factory.build(record, HandlerSettings.of(record)).payload(),
                StandardCharsets.UTF_8);
        assertThat(sent).contains("[Filtered]").doesNotContain("203.0.113.7", "joe");
      }
    }
  }

  @Test
  void aSecretInAPathIsInNoTransactionAndNoFingerprint() throws Exception {
    Record record =
        RecordFixture.captured(Kind.FAILED, "exceptions")
            .request("REQUEST_METHOD", "GET", "PATH_INFO", "/api/token=hush", "HTTP_HOST", "h")
            .with("request.started", "1")
            .with("request.status", "500")
            .record();
    String sent =
        new String(
            factory.build(record, HandlerSettings.of(record)).payload(), StandardCharsets.UTF_8);
    assertThat(sent)
        .contains("\"transaction\":\"GET /api/token=[Filtered]\"")
        .doesNotContain("hush");
  }
}

package io.uwsgisentry.event;

import static io.uwsgisentry.event.Built.at;
import static io.uwsgisentry.event.Built.build;
import static io.uwsgisentry.event.Built.list;
import static io.uwsgisentry.event.Built.map;
import static io.uwsgisentry.event.Built.payload;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sentry.Sentry;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class EventFactoryTest {
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
  void aTagOfTheUserWinsOverOurs() throws Exception {
    assertThat(at(payload(RecordFixture.alarm("x", "tags=uwsgi.kind:own")), "tags", "uwsgi.kind"))
        .isEqualTo("own");
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
      Event event = Built.FACTORY.build(record, HandlerSettings.of(record));
      assertThat(Json.parseObject(event.payload()))
          .as("seed " + seed)
          .containsEntry("event_id", record.id());
    }
  }

  /** Every second frame is a library's. */
  @Test
  void theLevelIsTheKindsUnlessAnOptionSaysMore() throws Exception {
    assertThat(build(RecordFixture.of(Kind.SLOW).record()).level()).isEqualTo("warning");
    assertThat(build(RecordFixture.of(Kind.BACKLOG).record()).level()).isEqualTo("warning");
    assertThat(build(RecordFixture.of(Kind.BOOT).record()).level()).isEqualTo("fatal");
    assertThat(build(RecordFixture.of(Kind.HARAKIRI).record()).level()).isEqualTo("error");
    Record slow = RecordFixture.of(Kind.SLOW).record();
    HandlerSettings fatal = HandlerSettings.of("capture slow", "level=fatal", Map.of());
    assertThat(Built.FACTORY.build(slow, fatal).level()).isEqualTo("fatal");
    assertThat(
            Built.FACTORY
                .summary(
                    Kind.SLOW,
                    HandlerSettings.of("capture slow", "", Map.of()),
                    new Occurrences(3, Instant.EPOCH, Instant.EPOCH, 0, Instant.EPOCH, Map.of()))
                .level())
        .isEqualTo("warning");
  }

  @Test
  void aTestEventTellsWhatItIsAndShowsTheHandlersSettings() throws Exception {
    HandlerSettings settings =
        HandlerSettings.of(
            "alarm lqfull",
            "dsn=https://k@h/1,level=warning,tags=a:b",
            Map.of("environment", "prod"));
    Event event = Built.FACTORY.test(settings, Instant.ofEpochSecond(1_700_000_000));
    Map<String, Object> payload = Json.parseObject(event.payload());
    assertThat(event.id())
        .matches("[0-9a-f]{32}")
        .isNotEqualTo(Built.FACTORY.test(settings, Instant.EPOCH).id());
    assertThat(event.title()).isEqualTo("Test event of uwsgi-sentry check for alarm lqfull");
    assertThat(payload).containsEntry("level", "warning").containsEntry("environment", "prod");
    assertThat(map(payload.get("tags")))
        .containsEntry("uwsgi.kind", "test")
        .containsEntry("a", "b");
  }

  @Test
  void sentrysSdkIsNeverInitialised() throws Exception {
    build(RecordFixture.alarm("x", "").record());
    assertThat(Sentry.isEnabled()).isFalse();
  }
}

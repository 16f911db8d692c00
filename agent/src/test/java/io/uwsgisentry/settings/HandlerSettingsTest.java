package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HandlerSettingsTest {
  private static final String DSN = "dsn=https://key@example.com/1";

  @Test
  void theHandlersOptionWinsOverTheInstanceWhichWinsOverWhatIsBuiltIn() {
    Map<String, String> defaults =
        Map.of("release", "r1", "environment", "prod", "server_name", "web", "host", "h.example");
    HandlerSettings own = alarm("release=r2,environment=test,server_name=mine", defaults);
    assertThat(own.release()).isEqualTo("r2");
    assertThat(own.environment()).isEqualTo("test");
    assertThat(own.serverName()).isEqualTo("mine");
    HandlerSettings instance = alarm("", defaults);
    assertThat(instance.release()).isEqualTo("r1");
    assertThat(instance.environment()).isEqualTo("prod");
    assertThat(instance.serverName()).isEqualTo("web");
    HandlerSettings none = alarm("", Map.of("host", "h.example"));
    assertThat(none.release()).isNull();
    assertThat(none.environment()).isNull();
    assertThat(none.serverName()).isEqualTo("h.example");
    assertThat(alarm("", Map.of()).serverName()).isNull();
  }

  @Test
  void everyOptionIsRead() {
    HandlerSettings s =
        alarm(
            "level=fatal,logger=l,message=m,platform=perl,transaction=t,dist=7,exception_type=T,"
                + "exception_value=V,tags=a:1;b:2,extra=c:3,user=id:9;plan:gold,"
                + "fingerprint={{ default }};x,timeout=2.5,no_verify=1,debug=yes",
            Map.of());
    assertThat(s.level()).isEqualTo(Level.FATAL);
    assertThat(s.logger()).isEqualTo("l");
    assertThat(s.message()).isEqualTo("m");
    assertThat(s.platform()).isEqualTo("perl");
    assertThat(s.transaction()).isEqualTo("t");
    assertThat(s.dist()).isEqualTo("7");
    assertThat(s.exceptionType()).isEqualTo("T");
    assertThat(s.exceptionValue()).isEqualTo("V");
    assertThat(s.tags()).containsOnly(Map.entry("a", "1"), Map.entry("b", "2"));
    assertThat(s.extra()).containsOnly(Map.entry("c", "3"));
    assertThat(s.user()).containsOnly(Map.entry("id", "9"), Map.entry("plan", "gold"));
    assertThat(s.fingerprint()).containsExactly("{{ default }}", "x");
    assertThat(s.timeout()).isEqualTo(Duration.ofMillis(2500));
    assertThat(s.verify()).isFalse();
    assertThat(s.debug()).isTrue();
    assertThat(s.warnings()).isEmpty();
  }

  @Test
  void culpritIsTheTransactionUnlessThatIsGivenToo() {
    assertThat(alarm("culprit=listen_queue", Map.of()).transaction()).isEqualTo("listen_queue");
    HandlerSettings both = alarm("culprit=a,transaction=b", Map.of());
    assertThat(both.transaction()).isEqualTo("b");
    assertThat(both.warnings()).singleElement().asString().contains("'culprit'");
  }

  @Test
  void theDsnComesFromTheHandlerThenTheInstanceThenTheEnvironment() {
    Map<String, String> all = Map.of("dsn", "https://i@i/1", "dsn_env", "https://e@e/1");
    assertThat(host(alarm("dsn=https://h@h/1", all))).isEqualTo("h");
    assertThat(host(alarm("", all))).isEqualTo("i");
    assertThat(host(alarm("", Map.of("dsn_env", "https://e@e/1")))).isEqualTo("e");
    assertThat(alarm("", Map.of()).destination()).isEqualTo(new Destination.None());
    assertThat(alarm("", Map.of("dsn", "", "dsn_env", "")).destination())
        .isEqualTo(new Destination.None());
  }

  @Test
  void anEmptyDsnCountsAsNotGiven() {
    assertThat(host(alarm("dsn=", Map.of("dsn", "https://i@i/1")))).isEqualTo("i");
    assertThat(alarm("dsn=", Map.of()).warnings())
        .containsExactly("'dsn' is empty and counts as not given");
    assertThat(host(alarm("dsn=https://h@h/1,dsn=", Map.of("dsn", "https://i@i/1"))))
        .isEqualTo("i");
    assertThat(host(alarm("dsn=$(SHOP_DSN)", Map.of("dsn", "https://i@i/1")))).isEqualTo("i");
    assertThat(alarm("dsn=$(SHOP_DSN)", Map.of()).warnings())
        .containsExactly("'dsn=$(SHOP_DSN)' counts as not given: the environment has no SHOP_DSN");
  }

  @Test
  void aMalformedDsnIsToldWithHandlerAndSourceAndNotReplacedByTheDefault() {
    assertThat(alarm("dsn=https://hush@h", Map.of("dsn", "https://i@i/1")).destination())
        .isEqualTo(
            new Destination.Malformed(
                "alarm lqfull, dsn: the DSN has no project after its host: write it as"
                    + " https://KEY@HOST/PROJECT"));
    assertThat(alarm("", Map.of("dsn", "nonsense")).destination())
        .asString()
        .contains("alarm lqfull, sentry-dsn: the DSN has no scheme");
    assertThat(alarm("", Map.of("dsn_env", "nonsense")).destination())
        .asString()
        .contains("alarm lqfull, SENTRY_DSN: the DSN has no scheme");
  }

  @Test
  void howToSendBelongsToTheDestination() {
    Destination.To to =
        (Destination.To) alarm(DSN + ",no_verify=1,debug=1,timeout=7", Map.of()).destination();
    assertThat(to.verify()).isFalse();
    assertThat(to.debug()).isTrue();
    assertThat(to.timeout()).isEqualTo(Duration.ofSeconds(7));
    Destination.To plain = (Destination.To) alarm(DSN, Map.of()).destination();
    assertThat(plain.verify()).isTrue();
    assertThat(plain.debug()).isFalse();
    assertThat(plain.timeout()).isEqualTo(Duration.ofSeconds(4));
  }

  @ParameterizedTest(name = "level={0} is {1}")
  @CsvSource({
    "fatal, FATAL, 0",
    "error, ERROR, 0",
    "warning, WARNING, 0",
    "info, INFO, 0",
    "debug, DEBUG, 0",
    "WARNING, WARNING, 0",
    "warn, WARNING, 1",
    "critical, FATAL, 1",
    "notice, INFO, 1",
    "wanring, ERROR, 1",
    "loud, ERROR, 1",
    "'', ERROR, 1",
  })
  void levelsAreSentrysAndWhatOthersCallThem(String text, Level level, int warnings) {
    HandlerSettings s = alarm("level=" + text, Map.of());
    assertThat(s.level()).isEqualTo(level);
    assertThat(s.warnings()).hasSize(warnings);
  }

  @Test
  void aHookTellsAndTheRestWarnsUnlessALevelIsGiven() {
    assertThat(HandlerSettings.of("hook-asap", "", Map.of()).level()).isEqualTo(Level.INFO);
    assertThat(HandlerSettings.of("hook-asap", "level=fatal", Map.of()).level())
        .isEqualTo(Level.FATAL);
    for (String handler :
        List.of("alarm lqfull", "route ^/help", "exception-handler", "alarm hook-x")) {
      assertThat(HandlerSettings.of(handler, "", Map.of()).level()).isEqualTo(Level.ERROR);
    }
  }

  @ParameterizedTest(name = "timeout={0} is {1} ms")
  @CsvSource({
    "4, 4000, 0",
    "0.5, 500, 0",
    ".5, 500, 0",
    "2., 2000, 0",
    "' 3', 3000, 0",
    "300, 300000, 0",
    "301, 300000, 1",
    "999999999, 300000, 1",
    "9999999999, 4000, 1",
    "0.05, 100, 1",
    "0, 4000, 1",
    "-1, 4000, 1",
    "4s, 4000, 1",
    "1e3, 4000, 1",
    "NaN, 4000, 1",
    "٣, 4000, 1",
  })
  void timeoutsAreSecondsWithinBounds(String text, long millis, int warnings) {
    HandlerSettings s = alarm("timeout=" + text, Map.of());
    assertThat(s.timeout()).isEqualTo(Duration.ofMillis(millis));
    assertThat(s.warnings()).hasSize(warnings);
  }

  @ParameterizedTest(name = "sample_rate={0} is {1}")
  @CsvSource({
    "0.25, 0.25, 0",
    "0, 0, 0",
    "1, 1, 0",
    "1.0, 1, 0",
    ".5, 0.5, 0",
    "1.1, 1, 1",
    "-0.1, 1, 1",
    "10%, 1, 1",
    "1e-3, 1, 1",
    "NaN, 1, 1",
  })
  void aSampleRateIsAPartOfOneElseEveryEventIsSent(String text, double rate, int warnings) {
    HandlerSettings s = alarm("sample_rate=" + text, Map.of());
    assertThat(s.sampleRate()).isEqualTo(rate);
    assertThat(s.warnings()).hasSize(warnings);
  }

  @Test
  void numbersOfTheServerAreTakenAsTheyAreAndRubbishAsNotGiven() {
    HandlerSettings given = alarm("", Map.of("fold", "0", "max_events_per_minute", "100"));
    assertThat(given.fold(5)).isZero();
    assertThat(given.maxEventsPerMinute()).isEqualTo(100);
    HandlerSettings rubbish =
        alarm("", Map.of("fold", "-1", "max_events_per_minute", "99999999999"));
    assertThat(rubbish.fold(5)).isEqualTo(5);
    assertThat(rubbish.maxEventsPerMinute()).isZero();
    assertThat(alarm("", Map.of()).fold(5)).isEqualTo(5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "true", "yes", " "})
  void anyValueTurnsASwitchOn(String value) {
    assertThat(alarm("no_verify=" + value + ",debug=" + value, Map.of()))
        .matches(s -> !s.verify() && s.debug());
  }

  @Test
  void aSwitchTurnedOnByAWordForOffIsWarnedOf() {
    HandlerSettings s = alarm("no_verify=0,debug=false", Map.of());
    assertThat(s.verify()).isFalse();
    assertThat(s.debug()).isTrue();
    assertThat(s.warnings()).hasSize(2).allMatch(w -> w.contains("remove it to turn it off"));
    assertThat(alarm("no_verify=", Map.of()).verify()).isTrue();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "lvl=info          | unknown option 'lvl': did you mean 'level'?",
        "tag=a:b           | unknown option 'tag': did you mean 'tags'?",
        "Level=info        | unknown option 'Level': did you mean 'level'?",
        "server-name=a     | unknown option 'server-name': did you mean 'server_name'?",
        "servername=a      | unknown option 'servername': did you mean 'server_name'?",
        "env=a             | unknown option 'env': did you mean 'environment'?",
        "dns=a             | unknown option 'dns': did you mean 'dsn'?",
        "xy=a              | unknown option 'xy', which is ignored: see docs/options.md",
        "enviroment=a      | unknown option 'enviroment': did you mean 'environment'?",
        "mesage=a          | unknown option 'mesage': did you mean 'message'?",
        "exceptiontype=a   | unknown option 'exceptiontype': did you mean 'exception_type'?",
        "verify_no=1       | unknown option 'verify_no', which is ignored: see docs/options.md",
        "colour=red        | unknown option 'colour', which is ignored: see docs/options.md",
        "a=1, level=info   | unknown option ' level': uWSGI keeps the blank, write 'level'",
        "no_verify         | 'no_verify' has no '=' and is ignored: write no_verify=1",
        "level             | 'level' has no '=' and is ignored: write level=VALUE",
        "message=hi, there | ' there' has no '=' and is ignored: a comma inside a value is written '\\,'",
        "level=info,level=error | 'level' is given more than once: the last one counts",
        "platform=pyhton   | 'platform=pyhton' is not one that Sentry knows: sent as 'other'; did you mean 'python'?",
        "platform=cobol    | 'platform=cobol' is not one that Sentry knows: sent as 'other'",
        "tags=a:1;b        | 'b' in 'tags' is not key:value and is ignored",
        "user=joe          | 'joe' in 'user' is not key:value and is ignored",
        "dsn=https://k:se=cr\\\\et,hush@h/1 | '(not shown: maybe part of a DSN)' has no '='",
        "dsn=https://k:se,hush@h/1=2 | unknown option '(not shown: maybe part of a DSN)'",
      })
  void mistakesAreNamedWithWhatToWriteInstead(String options, String warning) {
    assertThat(alarm(options, Map.of()).warnings()).anyMatch(w -> w.startsWith(warning));
  }

  @Test
  void whatIsStillToBeTranslatedIsNotJudged() {
    assertThat(
            HandlerSettings.of("route", "level=${HTTP_X_LEVEL},platform=$1", Map.of()).warnings())
        .isEmpty();
  }

  @Test
  void tagsOfTheHandlerWinKeyByKeyOverThoseOfTheInstance() {
    assertThat(alarm("tags=a:own;c:\"x;y\"", Map.of("tags", "a:1;b:2")).tags())
        .containsOnly(Map.entry("a", "own"), Map.entry("b", "2"), Map.entry("c", "x;y"));
    assertThat(alarm("", Map.of("tags", "a:1")).tags()).containsOnly(Map.entry("a", "1"));
  }

  @Test
  void translatedOptionsOfARouteReplaceTheWrittenOnes() {
    HandlerSettings s =
        route(
            "message=${REQUEST_METHOD} seen,level=$1,server_name=${HTTP_X},tags=m:${X};n:1,extra=a:$1,"
                + "user=id:$1,fingerprint=$1;x",
            "option",
            "message\0PUT seen",
            "option",
            "level\0fatal",
            "option",
            "server_name\0",
            "tag",
            "m\0a;b:c,level=info",
            "tag",
            "n\0001",
            "extra",
            "a\0v",
            "user",
            "id\0u7",
            "fingerprint",
            "one;still one",
            "fingerprint",
            "x",
            "default",
            "host\0h");
    assertThat(s.message()).isEqualTo("PUT seen");
    assertThat(s.level()).isEqualTo(Level.FATAL);
    assertThat(s.serverName()).isEqualTo("h");
    assertThat(s.tags()).containsOnly(Map.entry("m", "a;b:c,level=info"), Map.entry("n", "1"));
    assertThat(s.extra()).containsOnly(Map.entry("a", "v"));
    assertThat(s.user()).containsOnly(Map.entry("id", "u7"));
    assertThat(s.fingerprint()).containsExactly("one;still one", "x");
  }

  @Test
  void nothingOfARequestCanChangeWhereAndHowToSend() {
    HandlerSettings s =
        route(
            "dsn=https://k@good/1,message=${HTTP_X}",
            "option",
            "message\0a,level=fatal,dsn=http://k@evil/2",
            "option",
            "dsn\0http://k@evil/2",
            "option",
            "no_verify\0001",
            "option",
            "debug\0001",
            "option",
            "timeout\00099",
            "option",
            "sample_rate\0000",
            "option",
            "unknown\0001");
    assertThat(host(s)).isEqualTo("good");
    assertThat(s.verify()).isTrue();
    assertThat(s.sampleRate()).isEqualTo(1);
    assertThat(s.debug()).isFalse();
    assertThat(s.timeout()).isEqualTo(Duration.ofSeconds(4));
    assertThat(s.level()).isEqualTo(Level.ERROR);
    assertThat(s.message()).isEqualTo("a,level=fatal,dsn=http://k@evil/2");
  }

  @Test
  void whatTheInstanceTellsOfItselfIsRead() {
    HandlerSettings s =
        alarm(
            "",
            Map.of(
                "send_default_pii",
                "1",
                "uwsgi",
                "2.0.21",
                "plugin",
                "0.1.0",
                "master",
                "42",
                "started",
                "1700000000"));
    assertThat(s.sendDefaultPii()).isTrue();
    assertThat(s.uwsgiVersion()).isEqualTo("2.0.21");
    assertThat(s.pluginVersion()).isEqualTo("0.1.0");
    assertThat(s.masterPid()).isEqualTo(42L);
    assertThat(s.started()).isEqualTo(Instant.ofEpochSecond(1_700_000_000));
    HandlerSettings none =
        alarm(
            "", Map.of("send_default_pii", "0", "master", "x", "started", "99999999999999999999"));
    assertThat(none.sendDefaultPii()).isFalse();
    assertThat(none.masterPid()).isNull();
    assertThat(none.started()).isNull();
  }

  @Test
  void aBriefRecordHasNoSettingsButDoesNotFail() {
    HandlerSettings s = HandlerSettings.of(record(Kind.ALARM, List.of()));
    assertThat(s.destination()).isEqualTo(new Destination.None());
    assertThat(s.handler()).isEmpty();
  }

  private static HandlerSettings alarm(String options, Map<String, String> defaults) {
    return HandlerSettings.of("alarm lqfull", options, defaults);
  }

  private static HandlerSettings route(String options, String... fields) {
    List<Fields.Field> all = new ArrayList<>();
    all.add(field("handler", "route ^/"));
    all.add(field("options", options));
    for (int i = 0; i < fields.length; i += 2) {
      all.add(field(fields[i], fields[i + 1]));
    }
    return HandlerSettings.of(record(Kind.ROUTE, all));
  }

  private static Record record(Kind kind, List<Fields.Field> fields) {
    return new Record(
        "0123456789abcdef0123456789abcdef",
        kind.code(),
        ProcessKind.WORKER,
        false,
        false,
        0L,
        1L,
        1,
        0,
        0L,
        0L,
        new Fields(fields));
  }

  private static Fields.Field field(String name, String value) {
    return new Fields.Field(name, value.getBytes(StandardCharsets.UTF_8));
  }

  private static String host(HandlerSettings settings) {
    return ((Destination.To) settings.destination()).dsn().host();
  }
}

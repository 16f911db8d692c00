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

  static Record record(Kind kind, List<Fields.Field> fields) {
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

  static Fields.Field field(String name, String value) {
    return new Fields.Field(name, value.getBytes(StandardCharsets.UTF_8));
  }

  private static String host(HandlerSettings settings) {
    return ((Destination.To) settings.destination()).dsn().host();
  }
}

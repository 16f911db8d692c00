package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What an option makes of a value, and what it says of one that its author probably did not mean.
 */
class OptionMistakesTest {
  private static final String DSN = "dsn=https://key@example.com/1";

  private static HandlerSettings alarm(String options, Map<String, String> defaults) {
    return HandlerSettings.of("alarm lqfull", options, defaults);
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
}

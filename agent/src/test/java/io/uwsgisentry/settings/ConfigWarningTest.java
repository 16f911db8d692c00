package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConfigWarningTest {
  private static Handler handler(String name, String options, Map<String, String> defaults) {
    return new Handler(Handler.hash("", "shop", name), "shop", name, options, defaults);
  }

  private static List<String> lines(Handler... handlers) {
    return ConfigWarning.current(List.of(handlers)).stream().map(ConfigWarning::line).toList();
  }

  @Test
  void namesInstanceAndHandlerAndTheNearestKey() {
    assertThat(lines(handler("alarm seen", "levl=fatal,timeout=soon", Map.of())))
        .containsExactly(
            "shop, alarm seen: unknown option 'levl': did you mean 'level'?",
            "shop, alarm seen: 'timeout=soon' is not a number of seconds: 4 is used");
  }

  @Test
  void nothingIsSaidOfWhatIsRight() {
    assertThat(lines(handler("route ^/", "level=${HTTP_X},tags=a:$1", Map.of()))).isEmpty();
  }

  @Test
  void theServersOwnDsnIsToldOnceAndAHandlersWithItsName() {
    Map<String, String> defaults = Map.of("dsn", "https://sesame@sentry.example");
    assertThat(
            lines(
                handler("capture boot", "", defaults),
                handler("capture crashes", "", defaults),
                handler("hook-asap", "dsn=ftp://sesame@sentry.example/1", defaults)))
        .hasSize(2)
        .anySatisfy(line -> assertThat(line).startsWith("shop: sentry-dsn: "))
        .anySatisfy(line -> assertThat(line).startsWith("shop, hook-asap: dsn: "))
        .noneMatch(line -> line.contains("sesame"));
  }

  @Test
  void aHandlerThatTheServersLastStartDidNotHaveIsGone() {
    Map<String, String> before = Map.of("started", "1800000000");
    Map<String, String> now = Map.of("started", "1800000100");
    assertThat(
            lines(
                handler("alarm seen", "", now),
                handler("alarm renamed", "levl=fatal", before),
                new Handler(1, "blog", "alarm old", "levl=info", before)))
        .containsExactly("blog, alarm old: unknown option 'levl': did you mean 'level'?");
  }

  @Test
  void aServerOfTheSameNameThatStartedLaterHidesNothing() {
    Map<String, String> earlier = Map.of("server", "a", "started", "1800000000");
    Map<String, String> later = Map.of("server", "b", "started", "1800000100");
    assertThat(
            lines(
                new Handler(1, "shop", "alarm old", "levl=info", earlier),
                new Handler(2, "shop", "alarm seen", "", later)))
        .hasSize(1);
  }
}

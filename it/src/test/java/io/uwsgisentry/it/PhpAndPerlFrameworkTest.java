package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Map;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors that frameworks of PHP and Perl turn into a response. */
class PhpAndPerlFrameworkTest {
  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  private String site(String framework) {
    boolean isPhp = framework.equals("symfony");
    String plugin = isPhp ? "php" : "psgi";
    assumeTrue(
        Installation.hasPlugin(plugin) && has(framework),
        () -> "needs PHP's or Perl's " + framework);
    return """
        [uwsgi]
        plugins = %s,sentry
        http-socket = 127.0.0.1:${port}
        http-socket-modifier1 = %s
        %s
        env = SHOP_DIRECTORY=${dir}
        master = true
        log-master = true
        sentry-dsn = ${dsn}
        sentry-instance = shop
        """
        .formatted(
            plugin,
            isPhp ? "14" : "5",
            isPhp
                ? "php-app = ${apps}/site_symfony.php\nphp-set = display_errors=0"
                : "psgi = ${apps}/site_" + framework + ".psgi");
  }

  private static boolean has(String framework) {
    return switch (framework) {
      case "symfony" ->
          Installation.succeeds(
              "php", "-r", "require 'Symfony/Bundle/FrameworkBundle/autoload.php';");
      case "dancer" -> Installation.succeeds("perl", "-MDancer2", "-e", "1");
      default -> Installation.succeeds("perl", "-MMojolicious::Lite", "-e", "1");
    };
  }

  @ParameterizedTest
  @CsvSource({
    "symfony,     OutOfStock, no milk left",
    "dancer,      Died,       no milk left",
    "mojolicious, Died,       no milk left",
  })
  void an_error_in_an_action_is_the_exception_of_its_request(
      String framework, String type, String value) {
    UwsgiServer server = scene.server(site(framework)).start();
    assertThat(server.get("/orders/7").status()).isEqualTo(500);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo(type);
    assertThat(Events.exceptionValue(event)).isEqualTo(value);
    event.remove("breadcrumbs");
    golden.holds("exception_" + framework, event);
  }

  @ParameterizedTest
  @ValueSource(strings = {"symfony", "dancer", "mojolicious"})
  void what_an_action_copes_with_is_silent(String framework) {
    UwsgiServer server = scene.quietServer(site(framework)).start();
    assertThat(server.get("/fine").body()).isEqualTo("never mind\n");
    scene.noEventOf(server);
  }

  /** Symfony's way of saying so is an exception as well. */
  @ParameterizedTest
  @CsvSource({
    "symfony,     Symfony\\Component\\HttpKernel\\Exception\\ServiceUnavailableHttpException",
    "dancer,      RequestFailed",
    "mojolicious, RequestFailed"
  })
  void an_answer_that_is_meant_is_what_the_framework_makes_of_it(String framework, String type) {
    UwsgiServer server = scene.server(site(framework)).start();
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo(type);
  }
}

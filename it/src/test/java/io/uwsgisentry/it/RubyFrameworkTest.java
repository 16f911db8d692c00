package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Exceptions that Sinatra and Rails turn into a response, of which uWSGI sees nothing. */
class RubyFrameworkTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = rack,sentry
      http-socket = 127.0.0.1:${port}
      rack = ${apps}/site_%s.ru
      env = RAILS_ENV=production
      env = APP_ENV=production
      master = true
      sentry-dsn = ${dsn}
      sentry-instance = shop
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  private static String site(String framework) {
    String library = framework.equals("rails") ? "action_controller/railtie" : "sinatra/base";
    assumeTrue(
        Installation.hasPlugin("rack") && hasRuby(library), () -> "needs Ruby's " + framework);
    return SERVER.formatted(framework);
  }

  private static boolean hasRuby(String library) {
    return Installation.succeeds("ruby", "-e", "require 'logger'; require '" + library + "'");
  }

  @ParameterizedTest
  @CsvSource({"sinatra, ''", "sinatra, lazy-apps = true", "rails, ''"})
  void an_exception_in_an_action_is_reported_once(String framework, String option) {
    UwsgiServer server = scene.server(site(framework) + option + "\n").start();
    assertThat(server.get("/orders/7").status()).isEqualTo(500);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("OutOfStock");
    assertThat(Events.exceptionValue(event)).isEqualTo("no milk left");
    assertThat(Events.functions(event)).endsWith("reserve");
    assertThat(Events.request(event).get("url").toString()).endsWith("/orders/7");
    if (option.isEmpty()) {
      Events.exceptions(event).forEach(Events::keepOwnFrames);
      golden.holds("exception_" + framework, event);
    }
  }

  /** All that is asked of an SDK is whether it was initialised. */
  @Test
  void with_an_sdk_in_the_application_they_are_its_own() {
    String ini = site("sinatra").replace("${apps}/site_sinatra.ru", "${dir}/with_sdk.ru");
    scene.file(
        "with_sdk.ru",
        """
        module Sentry
          def self.initialized?
            true
          end
        end
        eval File.read("${apps}/site_sinatra.ru")
        """);
    UwsgiServer server = scene.server(ini).start();
    assertThat(server.get("/orders/7").status()).isEqualTo(500);
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("RequestFailed");
    assertThat(Events.request(event).get("url").toString()).endsWith("/unavailable");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sinatra", "rails"})
  void what_is_no_failure_is_silent(String framework) {
    UwsgiServer server = scene.server(site(framework)).start();
    assertThat(server.get("/fine").status()).isEqualTo(200);
    assertThat(server.get("/swallowed").status()).isEqualTo(200);
    assertThat(server.get("/missing").status()).isEqualTo(404);
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("RequestFailed");
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Applications in PHP, Perl, Lua and Java: what their language says of an error is the exception of
 * the failed request.
 */
class SaidErrorTest {
  private static final Path UWSGI_JAR = Path.of("/usr/share/java/uwsgi.jar");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  private String shop(String language) {
    String[] known =
        switch (language) {
          case "php" ->
              new String[] {"php", "14", "php-app = ${apps}/shop.php\nphp-set = display_errors=0"};
          case "perl" -> new String[] {"psgi", "5", "psgi = ${apps}/shop.psgi"};
          case "lua" ->
              new String[] {"lua51", "6", "chdir = ${apps}\nlua = shop.lua\nlog-master = true"};
          default ->
              new String[] {
                "jwsgi",
                "8",
                "jvm-classpath = ${dir}\njvm-classpath = "
                    + UWSGI_JAR
                    + "\njwsgi = Shop\n"
                    + "log-master = true"
              };
        };
    assumeTrue(Installation.hasPlugin(known[0]), () -> "needs uWSGI's plugin " + known[0]);
    if (language.equals("java")) {
      assumeTrue(Files.exists(UWSGI_JAR), "needs uWSGI's classes for Java");
      compile();
    }
    return """
        [uwsgi]
        plugins = %s%s,sentry
        http-socket = 127.0.0.1:${port}
        http-socket-modifier1 = %s
        %s
        master = true
        sentry-dsn = ${dsn}
        sentry-instance = shop
        """
        .formatted(language.equals("java") ? "jvm," : "", known[0], known[1], known[2]);
  }

  private void compile() {
    try {
      Process javac =
          scene
              .command(
                  Path.of(System.getProperty("java.home"), "bin/javac").toString(),
                  "-d",
                  scene.directory().toString(),
                  Installation.ofThisRun().apps().resolve("Shop.java").toString())
              .start();
      assumeTrue(javac.waitFor() == 0, "needs a JDK that compiles");
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private Map<String, Object> eventOf(String ini, String path) {
    UwsgiServer server = scene.server(ini).start();
    assertThat(server.get("/ok").status()).isEqualTo(200);
    server.request("GET", path, "Cookie: a=hush", "Authorization: Basic hush");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.request(event)).containsEntry("method", "GET");
    assertThat(Events.request(event).get("url").toString()).endsWith(path);
    assertThat(event.toString()).doesNotContain("hush");
    return event;
  }

  @ParameterizedTest
  @CsvSource({
    "php,  OutOfStock",
    "perl, Died",
    "lua,  LuaError",
    "java, Shop$OutOfStock",
  })
  void an_error_is_the_exception_of_its_request(String language, String type) {
    Map<String, Object> event = eventOf(shop(language), "/orders/7");
    List<Map<String, Object>> exceptions = Events.exceptions(event);
    assertThat(exceptions.get(exceptions.size() - 1))
        .containsEntry("type", type)
        .containsEntry("value", "no milk left");
    // The lines have the times of the day.
    event.remove("breadcrumbs");
    golden.holds("said_" + language, event);
  }

  @ParameterizedTest
  @ValueSource(strings = {"php", "perl", "lua", "java"})
  void an_answer_without_an_error_is_a_failed_request(String language) {
    Map<String, Object> event = eventOf(shop(language), "/unavailable");
    assertThat(Events.exceptionType(event)).isEqualTo("RequestFailed");
  }

  @ParameterizedTest
  @CsvSource({
    "php,  /caught, OutOfStock",
    "php,  /chain,  LogicException",
    "php,  /memory, FatalError",
    "perl, /object, OutOfStock",
    "perl, /caught, RequestFailed",
  })
  void also_one_that_the_application_answers_itself(String language, String path, String type) {
    List<Map<String, Object>> exceptions = Events.exceptions(eventOf(shop(language), path));
    assertThat(exceptions.get(exceptions.size() - 1)).containsEntry("type", type);
    assertThat(exceptions).hasSize(path.equals("/chain") ? 2 : 1);
  }

  /** PHP's own default: the error is the page, and the answer is a success. */
  @Test
  void a_php_error_that_is_shown_to_the_client_is_reported_too() {
    String shown = shop("php").replace("display_errors=0", "display_errors=1");
    List<Map<String, Object>> exceptions = Events.exceptions(eventOf(shown, "/orders/7"));
    assertThat(exceptions).hasSize(1);
    assertThat(exceptions.get(0)).containsEntry("type", "OutOfStock");
  }

  @Test
  void what_php_catches_and_answers_well_is_silent() {
    UwsgiServer server = scene.quietServer(shop("php")).start();
    assertThat(server.get("/swallowed").body()).isEqualTo("never mind\n");
    assertThat(server.get("/ok").status()).isEqualTo(200);
    scene.noEventOf(server);
  }

  /** Their memory is read as some versions lay it out; what says to be another is left alone. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "php  | const char *get_zend_version(void) { return \"Zend Engine v4.6.0, and so on\"; }",
        "php  | const char *get_zend_version(void) { return \"Zend Engine v4.10.0\"; }",
        "perl | const unsigned char PL_version = 12;",
        "perl | const unsigned char PL_version = 43;",
      })
  void a_version_that_nobody_knows_is_not_looked_into(String language, String told) {
    String library = Preloaded.library(scene, "told", told);
    UwsgiServer server = scene.server(shop(language)).environment("LD_PRELOAD", library).start();
    assertThat(server.get("/orders/7").status()).isEqualTo(500);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("RequestFailed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"sentry-slow-request = 0.2", "harakiri = 1"})
  void a_lua_request_that_is_slow_or_killed_has_its_address(String option) {
    scene.file(
        "slow.lua",
        """
        return function(env)
          if env.PATH_INFO ~= "/ok" then
            local until_then = os.clock() + (env.PATH_INFO == "/hang" and 30 or 0.5)
            while os.clock() < until_then do end
          end
          return "200 OK", {}, coroutine.wrap(function() end)
        end
        """);
    String path = option.startsWith("harakiri") ? "/hang" : "/slow";
    eventOf(shop("lua").replace("lua = shop.lua", "lua = ${dir}/slow.lua") + option + "\n", path);
  }
}

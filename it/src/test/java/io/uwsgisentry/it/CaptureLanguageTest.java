package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The other languages, each as far as uWSGI lets us see into it. */
class CaptureLanguageTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = %s,sentry
      http-socket = 127.0.0.1:${port}
      %s
      master = true
      sentry-dsn = ${dsn}
      sentry-instance = shop
      sentry-drain = 10
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void a_ruby_exception_comes_with_frames_in_the_order_of_calls() {
    UwsgiServer server = scene.server(SERVER.formatted("rack", "rack = ${apps}/config.ru")).start();
    server.request("GET", "/raise", "Cookie: a=hush", "Authorization: Basic hush");
    Map<String, Object> event = scene.onlyEventOf(server);
    var frames = Events.frames(Events.exceptions(event).get(0));
    assertThat(frames.get(frames.size() - 1))
        .containsEntry(
            "context_line",
            "  raise Broken, \"cannot serve this\" if env[\"PATH_INFO\"] == \"/raise\"");
    assertThat(event.toString()).doesNotContain("hush");
    golden.holds("exception_ruby", event);
  }

  @Test
  void a_perl_request_that_failed_comes_with_the_request() {
    UwsgiServer server = scene.server(SERVER.formatted("psgi", "psgi = ${apps}/app.psgi")).start();
    server.request("GET", "/raise?token=hush", "Cookie: a=hush", "Authorization: Basic hush");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(event.toString()).doesNotContain("hush");
    golden.holds("failed_perl", event);
  }

  @Test
  void a_request_that_is_answered_well_is_no_event() {
    UwsgiServer server =
        scene.quietServer(SERVER.formatted("psgi", "psgi = ${apps}/app.psgi")).start();
    assertThat(server.get("/ok").status()).isEqualTo(200);
    scene.noEventOf(server);
  }
}

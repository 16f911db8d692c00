package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The configurations that the old plugin's README shows run unchanged but for the DSN's host, and
 * their events arrive. Its DSNs have a secret.
 */
class SeedIniTest {
  private static final String APP =
      """
      http-socket = 127.0.0.1:${port}
      plugin = python3
      wsgi-file = ${apps}/app.py
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void the_alarm_on_a_full_listen_queue() throws IOException {
    Path seen = scene.directory().resolve("seen");
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            alarm = lqfull sentry:dsn=${secret-dsn},logger=uwsgi.sentry,culprit=listen_queue
            ; raise the 'lqfull' alarm when the listen queue is full
            alarm-listen-queue = lqfull
            listen = 2
            """);
    server.start();
    List<CompletableFuture<Http.Response>> waiting = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      waiting.add(server.getLater("/until?there=" + seen));
    }
    Map<String, Object> event = scene.awaitEvent("listen queue");
    assertThat(event)
        .containsEntry("logger", "uwsgi.sentry")
        .containsEntry("transaction", "listen_queue");
    Files.createFile(seen);
    assertThat(waiting).allSatisfy(w -> assertThat(w.join().status()).isEqualTo(200));
    assertThat(scene.receiver().requests().get(0).header("x-sentry-auth"))
        .contains("sentry_key=public", "sentry_secret=secret");
  }

  @Test
  void the_alarm_on_a_segfault() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            alarm = segfault sentry:dsn=${secret-dsn},logger=uwsgi.sentry,culprit=whoknows
            ; raise the 'segfault' alarm on a segmentation fault
            alarm-segfault = segfault
            """);
    server.start().get("/segv");
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.exceptionType(event)).isEqualTo("SIGSEGV in _ctypes");
    assertThat(Events.exceptionValue(event)).isEqualTo("GET /segv");
    assertThat(event)
        .containsEntry("logger", "uwsgi.sentry")
        .containsEntry("transaction", "whoknows");
  }

  @Test
  void the_alarm_on_a_log_line() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            alarm = seen sentry:dsn=${secret-dsn},logger=uwsgi.sentry,culprit=whoknows
            ; raise the 'seen' alarm whenever a log line starts with FOO
            alarm-log = seen ^FOO
            """);
    server.start().get("/log?line=BAR");
    server.get("/log?line=FOO%20fell");
    assertThat(scene.awaitEvent("FOO fell 0")).containsEntry("logger", "uwsgi.sentry");
    assertThat(scene.receiver().events()).hasSize(1);
  }

  @Test
  void the_route_with_the_misspelt_alarm_starts_and_answers_and_sends_nothing() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            alarm = noputplease sentry:dsn=${secret-dsn},logger=uwsgi.sentry
            route-if = isequal:${REQUEST_METHOD};PUT alarm:notputplease PUT IS NOT ALLOWED !!!
            route = ^/end alarm:noputplease the end
            """);
    server.start();
    assertThat(server.request("PUT", "/ok").status()).isEqualTo(200);
    server.get("/end");
    assertThat(Events.message(scene.awaitEvents(1).get(0))).isEqualTo("the end");
  }

  @Test
  void the_route_with_the_alarm_spelt_right() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            alarm = noputplease sentry:dsn=${secret-dsn},logger=uwsgi.sentry
            route-if = isequal:${REQUEST_METHOD};PUT alarm:noputplease PUT IS NOT ALLOWED !!!
            """);
    server.start().get("/ok");
    assertThat(server.request("PUT", "/ok").status()).isEqualTo(200);
    assertThat(Events.message(scene.awaitEvents(1).get(0))).isEqualTo("PUT IS NOT ALLOWED !!!");
  }

  @Test
  void the_hooks_at_the_start_and_when_the_first_worker_is_ready() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            hook-asap = sentry:dsn=${secret-dsn},logger=uwsgi.sentry,message=uWSGI IS STARTING
            hook-accepting1-once = sentry:dsn=${secret-dsn},logger=uwsgi.sentry,\
            message=uWSGI WORKER 1 IS READY
            master = true
            """);
    server.start();
    assertThat(scene.awaitEvents(2))
        .extracting(Events::message)
        .containsExactlyInAnyOrder("uWSGI IS STARTING", "uWSGI WORKER 1 IS READY");
  }

  @Test
  void exception_handlers_side_by_side() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            exception-handler = sentry:dsn=${secret-dsn},logger=first
            exception-handler = sentry:dsn=${secret-dsn},logger=second
            """);
    server.start().get("/raise?what=tea");
    List<Map<String, Object>> events = scene.awaitEvents(2);
    assertThat(events)
        .extracting(e -> e.get("logger"))
        .containsExactlyInAnyOrder("first", "second");
    assertThat(events)
        .allSatisfy(
            event -> {
              assertThat(Events.exceptionType(event)).endsWith("Broken");
              assertThat(Events.exceptionValue(event)).isEqualTo("cannot serve tea");
              assertThat(Events.request(event).get("url").toString()).contains("/raise");
            });
  }

  @Test
  void the_routing_action() {
    UwsgiServer server =
        seed(
            """
            [uwsgi]
            plugin = sentry
            route = ^/ok sentry:dsn=${secret-dsn},logger=uwsgi.sentry,message=help asked,\
            level=info,tags=a:1;b:two,extra=c:3,server_name=here,release=1.2,platform=perl
            master = true
            """);
    server.start().get("/ok");
    Map<String, Object> event = scene.awaitEvent("help asked");
    assertThat(event)
        .containsEntry("level", "info")
        .containsEntry("server_name", "here")
        .containsEntry("release", "1.2")
        .containsEntry("platform", "perl");
    assertThat(Events.tags(event)).containsEntry("a", "1").containsEntry("b", "two");
    assertThat(Events.extra(event)).containsEntry("c", "3");
    assertThat(Events.request(event)).containsEntry("method", "GET");
  }

  private UwsgiServer seed(String ini) {
    scene.define("secret-dsn", scene.receiver().dsn().replace("public@", "public:secret@"));
    return scene.server(ini + APP);
  }
}

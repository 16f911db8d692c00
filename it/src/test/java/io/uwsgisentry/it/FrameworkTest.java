package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Exceptions that a framework turns into a response, of which uWSGI sees nothing. */
class FrameworkTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      pythonpath = ${apps}
      master = true
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  private UwsgiServer site(String framework, String more) {
    assumeTrue(
        framework.equals("plain") || Installation.hasPython(framework),
        () -> "needs Python's " + framework);
    return scene
        .server(
            SERVER + "module = site_" + framework.replace("rest_framework", "drf") + "\n" + more)
        .start();
  }

  private Map<String, Object> eventOfAnOrder(UwsgiServer server) {
    assertThat(server.get("/orders/7/").status()).isNotEqualTo(200);
    Map<String, Object> event = scene.onlyEventOf(server);
    List<Map<String, Object>> exceptions = Events.exceptions(event);
    assertThat(exceptions.get(exceptions.size() - 1))
        .containsEntry("type", "OutOfStock")
        .containsEntry("value", "no milk left");
    assertThat(Events.functions(event)).endsWith("reserve");
    assertThat(Events.request(event).get("url").toString()).endsWith("/orders/7/");
    assertThat(event.toString()).contains("sku='milk'").contains("raise OutOfStock(");
    return event;
  }

  @ParameterizedTest
  @CsvSource({
    "django,         django,    /orders/<int:n>/",
    "rest_framework, django,    /orders/<int:n>/",
    "flask,          flask,     /orders/<int:n>/",
    "falcon,         traceback, GET /orders/{id}/",
    "bottle,         traceback, GET /orders/{id}/",
    "pyramid,        uwsgi,     GET /orders/{id}/",
    "werkzeug,       logging,   GET /orders/{id}/",
    "plain,          uwsgi,     GET /orders/{id}/",
  })
  void an_exception_in_a_view_is_reported_once(String framework, String how, String transaction) {
    Map<String, Object> event = eventOfAnOrder(site(framework, ""));
    List<Map<String, Object>> exceptions = Events.exceptions(event);
    assertThat(Events.mechanism(exceptions.get(exceptions.size() - 1)))
        .containsEntry("type", how)
        .containsEntry("handled", false);
    assertThat(event).containsEntry("transaction", transaction);
    assertThat(event.get("transaction_info"))
        .isEqualTo(transaction.startsWith("/") ? Map.of("source", "route") : null);
    if (framework.equals("django") || framework.equals("flask")) {
      exceptions.forEach(Events::keepOwnFrames);
      golden.holds("exception_" + framework, event);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "django, threads = 4",
    "django, lazy-apps = true",
    "django, env = SITE_DEBUG=1",
    "flask,  threads = 4",
    "flask,  lazy-apps = true",
  })
  void however_the_server_runs(String framework, String option) {
    eventOfAnOrder(site(framework, option + "\n"));
  }

  /** In an interpreter of its own a framework is not looked at: its 500 is all that is known. */
  @ParameterizedTest
  @CsvSource({
    "single-interpreter = true, shop,   OutOfStock",
    "single-interpreter = true, second, OutOfStock",
    "lazy-apps = true,          shop,   OutOfStock",
    "lazy-apps = true,          second, RequestFailed",
    "need-app = true,           shop,   OutOfStock",
    "need-app = true,           second, RequestFailed",
  })
  void where_several_applications_are_mounted(String option, String mount, String type) {
    assumeTrue(Installation.hasPython("flask"), "needs Python's flask");
    UwsgiServer server =
        scene
            .server(
                SERVER
                    + "mount = /shop=site_flask:application\nmount = /second=site_flask:application\n"
                    + "manage-script-name = true\n"
                    + option
                    + "\n")
            .start();
    assertThat(server.get("/" + mount + "/orders/7/").status()).isEqualTo(500);
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo(type);
  }

  @Test
  void after_a_reload_of_one_worker_after_the_other() {
    UwsgiServer server =
        site("flask", "lazy-apps = true\nworkers = 2\nmaster-fifo = ${dir}/fifo\n");
    server.awaitLog("(?s)WSGI app 0.*WSGI app 0");
    int from = server.log().length();
    server.fifo('c');
    server.awaitLogAfter(from, "(?s)WSGI app 0.*WSGI app 0");
    eventOfAnOrder(server);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gevent_python3", "greenlet_python3"})
  void and_with_several_requests_in_a_thread(String plugin) {
    String loop = plugin.startsWith("gevent") ? "gevent = 4\n" : "async = 4\ngreenlet = true\n";
    UwsgiServer server =
        Uwsgi.INSTALLED
            .server(
                scene,
                SERVER.replace("python3,sentry", "python3," + plugin + ",sentry")
                    + "module = site_django\n"
                    + loop)
            .start();
    eventOfAnOrder(server);
  }

  @ParameterizedTest
  @ValueSource(strings = {"django", "flask"})
  void what_is_no_failure_is_silent(String framework) {
    UwsgiServer server = site(framework, "");
    assertThat(server.get("/fine").status()).isEqualTo(200);
    assertThat(server.get("/swallowed").status()).isEqualTo(200);
    assertThat(server.get("/missing").status()).isEqualTo(404);
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("RequestFailed");
    assertThat(Events.exceptionValue(event)).isEqualTo("GET /unavailable answered 503");
  }

  @ParameterizedTest
  @CsvSource({
    "django, '', 1",
    "flask, '', 1",
    "flask, 'sentry-capture = all', 1",
    "django, 'sentry-capture = all, logged', 2",
    "flask, 'sentry-capture = logged,all', 2"
  })
  void what_is_only_logged_is_reported_on_demand(String framework, String capture, int events) {
    UwsgiServer server = site(framework, capture + "\n");
    assertThat(server.get("/swallowed").status()).isEqualTo(200);
    // Django and Flask log this one too: it is one event all the same.
    assertThat(server.get("/orders/7/").status()).isEqualTo(500);
    List<Map<String, Object>> all = scene.eventsOf(server, events);
    assertThat(all)
        .allSatisfy(event -> assertThat(Events.exceptionType(event)).isEqualTo("OutOfStock"));
    if (events == 2) {
      assertThat(Events.mechanism(Events.exceptions(all.get(0)).get(0)))
          .containsEntry("type", "logged")
          .containsEntry("handled", true);
    }
  }

  @Test
  void a_status_that_is_meant_can_be_left_out() {
    UwsgiServer server = site("flask", "sentry-failed-status = 500-502,504\n");
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    eventOfAnOrder(server);
  }

  @Test
  void failed_requests_can_be_left_out_altogether() {
    UwsgiServer server = site("flask", "sentry-capture = exceptions\n");
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    eventOfAnOrder(server);
  }

  @Test
  void a_handler_of_ones_own_gets_them_too() {
    UwsgiServer server = site("django", "exception-handler = sentry:dsn=${dsn},tags=by:handler\n");
    Map<String, Object> event = eventOfAnOrder(server);
    assertThat(Events.tags(event)).containsEntry("by", "handler");
  }

  @Test
  void with_an_sdk_in_the_application_they_are_its_own() {
    scene.file(
        "with_sdk.py",
        """
        import sentry_sdk
        sentry_sdk.init(dsn="${dsn}", default_integrations=True)
        from site_flask import application
        """);
    assumeTrue(Installation.hasPython("sentry_sdk"), "needs Python's sentry_sdk");
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("pythonpath", "pythonpath = ${dir}\npythonpath")
                    + "module = with_sdk\nenable-threads = true\n")
            .start();
    assertThat(server.get("/orders/7/").status()).isEqualTo(500);
    assertThat(server.get("/unavailable").status()).isEqualTo(503);
    server.awaitLog("left to it");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("RequestFailed");
    assertThat(Events.exceptionValue(event)).contains("/unavailable");
    assertThat(scene.receiver().accepted())
        .as("the SDK's own")
        .anySatisfy(sent -> assertThat(sent.path()).endsWith("/store/"));
  }
}

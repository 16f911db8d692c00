package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The routing action in each of uWSGI's tables. No agent runs, so that the journal keeps the
 * records.
 */
class RouteTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-agent = external
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_rule_writes_the_request_that_it_matched() {
    UwsgiServer server =
        scene.server(SERVER + "route = ^/ok sentry:message=help asked,level=info\n").start();
    server.request("GET", "/ok?a=1", "User-Agent: someone", "Cookie: k=v");
    Record record = awaitMessage("help asked");
    assertThat(record.kind()).isEqualTo(Kind.ROUTE);
    assertThat(record.handler()).isEqualTo("route ^/ok");
    assertThat(record.process()).isEqualTo(ProcessKind.WORKER);
    assertThat(record.pid()).isEqualTo(server.workerPid(1));
    assertThat(record.worker()).isEqualTo(1);
    assertThat(record.core()).isZero();
    assertThat(record.fields().text("options")).isEqualTo("message=help asked,level=info");
    assertThat(variables(record))
        .containsEntry("REQUEST_METHOD", "GET")
        .containsEntry("REQUEST_URI", "/ok?a=1")
        .containsEntry("HTTP_HOST", "localhost")
        .containsEntry("HTTP_USER_AGENT", "someone")
        .containsEntry("HTTP_COOKIE", "k=v")
        .containsEntry("REMOTE_ADDR", "127.0.0.1");
  }

  @Test
  void every_table_and_condition_takes_the_action() {
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                route = ^/ok$ sentry:message=path
                route-run = sentry:message=run
                route-if = equal:${REQUEST_METHOD};GET sentry:message=if
                route-if-not = equal:${REQUEST_METHOD};PUT sentry:message=if-not
                route-host = ^localhost$ sentry:message=host
                route-uri = ^/ok\\?q=1$ sentry:message=uri
                route-qs = ^q=1$ sentry:message=qs
                route-remote-addr = ^127 sentry:message=remote-addr
                route-user-agent = ^someone$ sentry:message=user-agent
                route-referer = ^http://from sentry:message=referer
                response-route = ^/ok$ sentry:message=response
                response-route-run = sentry:message=response-run
                response-route-status = 200 sentry:message=response-status
                final-route = ^/ok$ sentry:message=final
                final-route-status = 200 sentry:message=final-status
                final-route-if = equal:${REQUEST_METHOD};GET sentry:message=final-if
                error-route-status = 404 sentry:message=error-status
                route-if = equal:${REQUEST_METHOD};PUT sentry:message=not this
                """);
    server.start();
    assertThat(server.request("GET", "/ok?q=1", "User-Agent: someone", "Referer: http://from/x"))
        .isEqualTo(new Http.Response(200, "ok\n"));
    assertThat(server.get("/missing").status()).isEqualTo(404);
    for (String message :
        List.of(
            "path",
            "run",
            "if",
            "if-not",
            "host",
            "uri",
            "qs",
            "remote-addr",
            "user-agent",
            "referer",
            "response",
            "response-run",
            "response-status",
            "final",
            "final-status",
            "final-if",
            "error-status")) {
      awaitMessage(message);
    }
    assertThat(scene.state().records())
        .noneMatch(r -> "message=not this".equals(r.fields().text("options")));
    assertThat(scene.state().records().stream().filter(r -> r.kind() == Kind.ROUTE))
        .extracting(Record::handler)
        .contains("route-run", "route ^/ok$", "route-host ^localhost$");
  }

  @Test
  void an_error_route_sees_the_status_that_the_application_gave() {
    UwsgiServer server =
        scene.server(SERVER + "error-route-status = 404 sentry:message=lost\n").start();
    server.get("/ok");
    server.get("/missing");
    assertThat(awaitMessage("lost").fields().text("request.status")).isEqualTo("404");
    assertThat(routes()).hasSize(1);
  }

  @Test
  void the_chain_goes_on_to_the_next_rule() {
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                route-run = sentry:message=first
                route-run = sentry:message=second
                route-run = break:204 No Content
                """);
    server.start();
    assertThat(server.get("/ok").status()).isEqualTo(204);
    awaitMessage("first");
    awaitMessage("second");
    assertThat(routes()).extracting(Record::handler).containsExactly("route-run", "route-run #2");
  }

  @Test
  void values_are_translated_for_the_request() {
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                route = ^/(o)(k) sentry:message=${REQUEST_METHOD} $1-$2-$9 ${qs[q]}${NOTHING},\
                level=info,tags=method:${REQUEST_METHOD};fixed:1,extra=agent:${HTTP_USER_AGENT},\
                user=ip_address:${REMOTE_ADDR},fingerprint=a;$1
                """);
    server.start().request("GET", "/ok?q=found", "User-Agent: someone");
    Record record = scene.state().awaitRecord("a route", r -> r.kind() == Kind.ROUTE);
    assertThat(record.fields().pairs("option"))
        .containsExactly(Map.entry("message", "GET o-k- found"));
    assertThat(record.fields().pairs("tag"))
        .containsExactly(Map.entry("method", "GET"), Map.entry("fixed", "1"));
    assertThat(record.fields().pairs("extra")).containsExactly(Map.entry("agent", "someone"));
    assertThat(record.fields().pairs("user")).containsExactly(Map.entry("ip_address", "127.0.0.1"));
    assertThat(record.fields().texts("fingerprint")).containsExactly("a", "o");
  }

  @Test
  void a_destination_is_never_translated() {
    UwsgiServer server =
        scene.server(
            SERVER + "route-run = sentry:message=m,dsn=http://k@${HTTP_X_HOST}/1,timeout=$1\n");
    server.start().request("GET", "/ok", "X-Host: evil.example");
    Record record = scene.state().awaitRecord("a route", r -> r.kind() == Kind.ROUTE);
    assertThat(record.fields().pairs("option")).doesNotContainKeys("dsn", "timeout");
    assertThat(record.fields().text("options")).contains("dsn=http://k@${HTTP_X_HOST}/1");
  }

  @Test
  void groups_that_crash_the_core_do_not_crash_us() {
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                route = ^/ok sentry:message=a $0 $1
                route-run = sentry:message=b $0 $1
                route-if = equal:${REQUEST_METHOD};GET sentry:message=c $0 $1
                route-if = regexp:${REQUEST_METHOD};^(G) sentry:message=d $0 $1
                route-host = ^localhost sentry:message=e $0
                response-route-run = sentry:message=f $0 $1
                final-route-run = sentry:message=g $0
                """);
    server.start();
    for (int i = 0; i < 3; i++) {
      assertThat(server.get("/ok").status()).isEqualTo(200);
    }
    scene.state().awaitRecords(21, "routes", r -> r.kind() == Kind.ROUTE);
    assertThat(server.log()).doesNotContain("died");
    assertThat(routes())
        .extracting(r -> r.fields().pairs("option").get("message"))
        .containsOnly("a $0 $1", "b $0 $1", "c $0 $1", "d G G", "e $0", "f $0 $1", "g $0");
  }

  @Test
  void the_application_calls_the_action_itself() {
    UwsgiServer server = scene.server(SERVER).start();
    assertThat(
            server
                .get("/route?router=sentry&args=message=asked%20by%20${REQUEST_METHOD},level=info")
                .status())
        .isEqualTo(200);
    Record record = scene.state().awaitRecord("a route", r -> r.kind() == Kind.ROUTE);
    assertThat(record.fields().text("options"))
        .isEqualTo("message=asked by ${REQUEST_METHOD},level=info");
    assertThat(server.get("/ok").status()).isEqualTo(200);
    assertThat(server.log()).doesNotContain("died");
  }

  @Test
  void a_rule_may_stand_before_the_options_that_it_needs() {
    UwsgiServer server =
        scene.server(
            """
            [uwsgi]
            plugins = python3,sentry
            route = ^/ok sentry:message=early
            http-socket = 127.0.0.1:${port}
            wsgi-file = ${apps}/app.py
            sentry-instance = named later
            sentry-environment = test
            sentry-agent = external
            sentry-dsn = ${dsn}
            """);
    server.start().get("/ok");
    Record record = awaitMessage("early");
    assertThat(record.instance()).isEqualTo("named later");
    assertThat(record.process()).isEqualTo(ProcessKind.STANDALONE);
    assertThat(record.fields().pairs("default"))
        .containsEntry("dsn", scene.receiver().dsn())
        .containsEntry("environment", "test");
  }

  private List<Record> routes() {
    return scene.state().records().stream().filter(r -> r.kind() == Kind.ROUTE).toList();
  }

  private Record awaitMessage(String message) {
    return scene
        .state()
        .awaitRecord(
            "a route with the message " + message,
            r -> {
              String options = r.fields().text("options");
              return r.kind() == Kind.ROUTE
                  && options != null
                  && List.of(options.split(",")).contains("message=" + message);
            });
  }

  /** The CGI variables of {@code request.vars}. */
  static Map<String, String> variables(Record record) {
    Map<String, String> variables = new HashMap<>();
    ByteBuffer block =
        ByteBuffer.wrap(record.fields().bytes("request.vars")).order(ByteOrder.LITTLE_ENDIAN);
    while (block.hasRemaining()) {
      String key = text(block);
      variables.put(key, text(block));
    }
    return variables;
  }

  private static String text(ByteBuffer block) {
    byte[] bytes = new byte[block.getShort() & 0xffff];
    block.get(bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}

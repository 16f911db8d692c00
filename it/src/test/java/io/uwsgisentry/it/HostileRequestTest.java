package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.testkit.Receiver;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing in a request changes another option, another tag or where an event goes. */
class HostileRequestTest {
  private static final String RULE =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      route = ^/ sentry:message=got ${HTTP_X_MSG} at ${PATH_INFO},level=warning,\
      tags=who:${HTTP_X_MSG};fixed:yes,extra=said:${HTTP_X_MSG};kept:yes,\
      fingerprint=one;${HTTP_X_MSG},user=username:${HTTP_X_MSG},logger=mine
      """;

  @RegisterExtension final Scene scene = new Scene();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a,level=fatal,dsn=http://k@127.0.0.1:9/2",
        "a;fixed:no;other:1",
        "a\",level=fatal,\"",
        "'a',\"b\"",
        "\\,level=fatal\\",
        "a\\;fixed:no",
        "${HTTP_HOST} $1 $0 %(port)",
        "\u0001\u001b[31m\u007f",
        "café, naïve;x:y",
      })
  void a_header_is_a_value_and_nothing_else(String hostile) {
    UwsgiServer server = scene.server(RULE + "sentry-agent = external\n").start();
    server.raw(request("/ok", hostile.getBytes(StandardCharsets.UTF_8)));
    Record record = awaitRoute();
    assertThat(record.fields().pairs("option"))
        .containsExactly(Map.entry("message", "got " + hostile + " at /ok"));
    assertThat(record.fields().pairs("tag"))
        .containsExactly(Map.entry("who", hostile), Map.entry("fixed", "yes"));
    assertThat(record.fields().pairs("extra"))
        .containsExactly(Map.entry("said", hostile), Map.entry("kept", "yes"));
    assertThat(record.fields().pairs("user")).containsExactly(Map.entry("username", hostile));
    assertThat(record.fields().texts("fingerprint")).containsExactly("one", hostile);
  }

  @Test
  void bytes_that_are_no_text_are_kept_as_they_came() {
    UwsgiServer server = scene.server(RULE + "sentry-agent = external\n").start();
    byte[] hostile = {'a', (byte) 0xff, (byte) 0xc3, ',', 'x', '=', (byte) 0x80, 'z'};
    server.raw(request("/%0aline%00nul%ff", hostile));
    Record record = awaitRoute();
    byte[] option =
        record.fields().all().stream()
            .filter(f -> f.name().equals("option"))
            .findFirst()
            .orElseThrow()
            .value();
    assertThat(option)
        .startsWith("message\0got a".getBytes(StandardCharsets.ISO_8859_1))
        .containsSequence(hostile);
    assertThat(record.fields().texts("tag")).hasSize(2).contains("fixed\0yes");
    assertThat(server.get("/ok").status()).isEqualTo(200);
  }

  @Test
  void a_nul_in_a_value_does_not_end_the_record() {
    UwsgiServer server = scene.server(RULE + "sentry-agent = external\n").start();
    server.raw(request("/ok", new byte[] {'a', 0, 'b'}));
    server.get("/ok");
    List<Record> records = scene.state().awaitRecords(1, "routes", r -> r.kind() == Kind.ROUTE);
    assertThat(records)
        .allSatisfy(r -> assertThat(r.fields().texts("tag")).hasSize(2).contains("fixed\0yes"));
    assertThat(server.log()).doesNotContain("died");
  }

  @Test
  void a_request_as_large_as_uwsgi_takes_is_written_whole() {
    UwsgiServer server =
        scene.server(RULE + "buffer-size = 32768\nsentry-agent = external\n").start();
    byte[] large = new byte[30000];
    Arrays.fill(large, (byte) 'x');
    server.raw(request("/ok", large));
    Record record = awaitRoute();
    assertThat(RouteTest.variables(record).get("HTTP_X_MSG")).hasSize(30000);
  }

  @Test
  void the_event_goes_where_its_author_said() {
    Receiver evil = Receiver.start();
    scene.closeAtEnd(evil);
    UwsgiServer server = scene.server(RULE).start();
    String hostile = "a,level=fatal,dsn=" + evil.dsn() + ",logger=theirs;fixed:no";
    server.raw(request("/ok", hostile.getBytes(StandardCharsets.UTF_8)));
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(event).containsEntry("level", "warning").containsEntry("logger", "mine");
    // What looks like a secret in a text is filtered, whoever wrote it.
    String filtered = hostile.replace(evil.dsn(), "[Filtered]");
    assertThat(Events.message(event)).isEqualTo("got " + filtered + " at /ok");
    assertThat(Events.tags(event)).containsEntry("fixed", "yes").containsEntry("who", filtered);
    assertThat(evil.connections()).isZero();
  }

  private Record awaitRoute() {
    return scene.state().awaitRecord("a route", r -> r.kind() == Kind.ROUTE);
  }

  private static byte[] request(String path, byte[] header) {
    ByteArrayOutputStream request = new ByteArrayOutputStream();
    request.writeBytes(
        ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nX-Msg: ")
            .getBytes(StandardCharsets.ISO_8859_1));
    request.writeBytes(header);
    request.writeBytes("\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
    return request.toByteArray();
  }
}

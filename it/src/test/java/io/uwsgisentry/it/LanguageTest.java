package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.testkit.Patience;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Exceptions of the languages that uWSGI runs. No agent runs, so that the journal keeps the
 * records.
 */
class LanguageTest {
  private static final String COMMON =
      """
      [uwsgi]
      http-socket = 127.0.0.1:${port}
      sentry-agent = external
      sentry-dsn = ${dsn}
      """;

  private static final String PYTHON =
      COMMON
          + """
          plugins = python3,sentry
          wsgi-file = ${apps}/app.py
          """;

  private static final String HANDLER = "exception-handler = sentry:logger=uwsgi.sentry\n";

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_python_exception_is_written_by_the_worker_with_its_request() {
    UwsgiServer server = scene.server(PYTHON + HANDLER).start();
    server.request("GET", "/raise?what=tea", "User-Agent: someone");
    Record record = awaitExceptions(1).get(0);
    assertThat(record.handler()).isEqualTo("exception-handler");
    assertThat(record.process()).isEqualTo(ProcessKind.WORKER);
    assertThat(record.worker()).isEqualTo(1);
    assertThat(record.pid()).isEqualTo(server.workerPid(1));
    assertThat(record.fields().text("options")).isEqualTo("logger=uwsgi.sentry");
    assertThat(record.fields().text("exception.type")).endsWith("Broken");
    assertThat(record.fields().text("exception.value")).isEqualTo("cannot serve tea");
    assertThat(record.fields().text("exception.repr")).contains("cannot serve tea");
    assertThat(record.fields().text("exception.plugin")).startsWith("python");
    assertThat(RouteTest.variables(record))
        .containsEntry("REQUEST_URI", "/raise?what=tea")
        .containsEntry("HTTP_USER_AGENT", "someone");
    assertThat(server.log()).contains("Traceback (most recent call last)");
  }

  @Test
  void stacked_handlers_write_a_record_each() {
    UwsgiServer server =
        scene
            .server(
                PYTHON
                    + """
                    exception-handler = sentry:level=fatal
                    exception-handler = sentry:level=info,dsn=http://k@127.0.0.1:9/2
                    """)
            .start();
    server.get("/raise");
    List<Record> records = awaitExceptions(2);
    assertThat(records).hasSize(2).extracting(Record::id).doesNotHaveDuplicates();
    assertThat(records)
        .extracting(Record::handler)
        .containsExactlyInAnyOrder("exception-handler", "exception-handler #2");
    assertThat(records)
        .extracting(r -> r.fields().text("options"))
        .containsExactlyInAnyOrder("level=fatal", "level=info,dsn=http://k@127.0.0.1:9/2");
  }

  @Test
  void an_exception_is_written_once_for_a_handler() {
    UwsgiServer server = scene.server(PYTHON + HANDLER + "master = true\n").start();
    for (int i = 0; i < 20; i++) {
      server.get("/raise");
    }
    awaitExceptions(20);
    // uWSGI hands what it took itself to a thread of the master: by the end it has.
    server.stop();
    assertThat(awaitExceptions(20)).hasSize(20);
  }

  @Test
  void an_exception_that_reloads_the_worker_is_written_first() {
    UwsgiServer server =
        scene.server(PYTHON + HANDLER + "master = true\nreload-on-exception = true\n").start();
    server.get("/raise");
    assertThat(awaitExceptions(1).get(0).fields().text("exception.type")).endsWith("Broken");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(server.get("/ok").status()).isEqualTo(200);
  }

  @Test
  void an_exception_that_is_shown_to_the_client_is_written_too() {
    UwsgiServer server = scene.server(PYTHON + HANDLER + "catch-exceptions = true\n").start();
    assertThat(server.get("/raise?what=tea").body()).contains("Broken: cannot serve tea");
    assertThat(awaitExceptions(1).get(0).fields().text("exception.value"))
        .isEqualTo("cannot serve tea");
  }

  @Test
  void an_exception_in_the_middle_of_the_answer_is_written() {
    UwsgiServer server = scene.server(PYTHON + HANDLER).start();
    assertThat(server.get("/generator").body()).isEqualTo("first\n");
    assertThat(awaitExceptions(1).get(0).fields().text("exception.value"))
        .isEqualTo("the second part");
  }

  @Test
  void threads_of_a_worker_write_each_their_own() throws InterruptedException {
    UwsgiServer server =
        scene.server(PYTHON + HANDLER + "master = true\nthreads = 4\nworkers = 2\n").start();
    burst(server, 200, 8);
    List<Record> records = awaitExceptions(200);
    assertThat(records).hasSize(200).extracting(Record::id).doesNotHaveDuplicates();
    assertThat(records).extracting(r -> r.fields().text("exception.value")).doesNotHaveDuplicates();
    assertThat(records)
        .allSatisfy(
            r ->
                assertThat("cannot serve " + RouteTest.variables(r).get("QUERY_STRING"))
                    .isEqualTo(
                        r.fields().text("exception.value").replace("serve ", "serve what=")));
  }

  @Test
  void greenlets_write_each_their_own() throws InterruptedException {
    UwsgiServer server =
        scene
            .server(PYTHON + HANDLER + "plugin = ugreen\nmaster = true\nasync = 8\nugreen = true\n")
            .start();
    burst(server, 40, 4);
    assertThat(awaitExceptions(40)).hasSize(40).extracting(Record::id).doesNotHaveDuplicates();
  }

  @Test
  void a_burst_of_exceptions_loses_none() throws InterruptedException {
    UwsgiServer server =
        scene.server(PYTHON + HANDLER + "master = true\nworkers = 2\nlisten = 64\n").start();
    burst(server, 2000, 16);
    List<Record> records = awaitExceptions(2000);
    assertThat(records).hasSize(2000);
    Set<String> values = new HashSet<>();
    records.forEach(r -> values.add(r.fields().text("exception.value")));
    assertThat(values).hasSize(2000);
  }

  @Test
  void a_server_without_a_handler_that_captures_nothing_writes_no_exception() {
    UwsgiServer server =
        scene.server(PYTHON + "sentry-capture = none\nroute = ^/ok sentry:message=end\n").start();
    server.get("/raise");
    server.get("/ok");
    scene.state().awaitRecord("the route", r -> r.kind() == Kind.ROUTE);
    assertThat(exceptions()).isEmpty();
  }

  @Test
  void a_ruby_exception_is_written_with_its_request() {
    UwsgiServer server =
        scene
            .server(
                COMMON
                    + HANDLER
                    + "plugins = rack,sentry\nrack = ${apps}/config.ru\nmaster = true\n")
            .start();
    server.get("/raise?a=1");
    Record record = awaitExceptions(1).get(0);
    assertThat(record.fields().text("exception.type")).isEqualTo("Broken");
    assertThat(record.fields().text("exception.value")).isEqualTo("cannot serve this");
    assertThat(record.fields().text("exception.plugin")).isEqualTo("rack");
    assertThat(RouteTest.variables(record)).containsEntry("REQUEST_URI", "/raise?a=1");
    assertThat(server.get("/ok").status()).isEqualTo(200);
  }

  @Test
  void a_ruby_exception_whose_words_raise_another_does_not_end_the_worker() {
    UwsgiServer server =
        scene
            .server(
                COMMON
                    + HANDLER
                    + "plugins = rack,sentry\nrack = ${apps}/config.ru\nmaster = true\n")
            .start();
    server.get("/no-method");
    Record record = awaitExceptions(1).get(0);
    assertThat(record.fields().text("exception.plugin")).isEqualTo("rack");
    assertThat(record.fields().text("exception.type")).isEqualTo("NoMethodError");
    assertThat(server.get("/ok").status()).isEqualTo(200);
    assertThat(server.log()).doesNotContain("died");
  }

  @Test
  void perl_tells_uwsgi_of_no_exception_but_its_requests_are_routed() {
    UwsgiServer server =
        scene
            .server(
                COMMON
                    + HANDLER
                    + """
                    plugins = psgi,sentry
                    psgi = ${apps}/app.psgi
                    master = true
                    final-route-status = 500 sentry:message=failed ${PATH_INFO}
                    """)
            .start();
    assertThat(server.get("/raise").status()).isEqualTo(500);
    Record record = scene.state().awaitRecord("the route", r -> r.kind() == Kind.ROUTE);
    assertThat(record.fields().pairs("option")).containsEntry("message", "failed /raise");
    assertThat(exceptions()).isEmpty();
  }

  /** Raises {@code n} exceptions, each with a value of its own, by so many clients at once. */
  static void burst(UwsgiServer server, int n, int clients) throws InterruptedException {
    ExecutorService pool = Executors.newFixedThreadPool(clients);
    for (int i = 0; i < n; i++) {
      String path = "/raise?what=" + i;
      pool.execute(() -> server.get(path));
    }
    pool.shutdown();
    assertThat(pool.awaitTermination(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
  }

  private List<Record> exceptions() {
    return scene.state().records().stream().filter(r -> r.kind() == Kind.EXCEPTION).toList();
  }

  private List<Record> awaitExceptions(int n) {
    return scene.state().awaitRecords(n, "exceptions", r -> r.kind() == Kind.EXCEPTION);
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Whatever can raise a uWSGI alarm writes one record. No agent runs, so that the journal keeps
 * them.
 */
class AlarmTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      sentry-agent = external
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_log_line_raises_an_alarm_that_names_itself() {
    UwsgiServer server =
        scene.server(SERVER + "alarm = seen sentry:logger=uwsgi.sentry\nalarm-log = seen ^FOO\n");
    server.start().get("/log?line=FOO%20fell");
    Record record = awaitAlarm("seen");
    assertThat(record.kind()).isEqualTo(Kind.ALARM);
    assertThat(record.fields().text("text")).isEqualTo("FOO fell 0");
    assertThat(record.fields().text("options")).isEqualTo("logger=uwsgi.sentry");
    assertThat(record.process()).isEqualTo(ProcessKind.MASTER);
    assertThat(record.pid()).isEqualTo(server.masterPid());
    assertThat(record.fields().pairs("default"))
        .containsEntry("dsn", scene.receiver().dsn())
        .containsEntry("master", Long.toString(server.masterPid()))
        .containsKeys("host", "uwsgi", "plugin", "started");
  }

  @Test
  void an_alarm_writes_with_alarm_cheap_too() {
    UwsgiServer server =
        scene.server(SERVER + "alarm-cheap = true\nalarm = seen sentry:\nalarm-log = seen ^FOO\n");
    server.start().get("/log?line=FOO");
    assertThat(awaitAlarm("seen").fields().text("text")).isEqualTo("FOO 0");
  }

  @Test
  void a_readable_descriptor_raises_an_alarm() throws Exception {
    Path fifo = scene.directory().resolve("bell");
    assertThat(scene.command("mkfifo", fifo.toString()).start().waitFor()).isZero();
    UwsgiServer server =
        scene.server(SERVER + "alarm = bell sentry:\nalarm-fd = bell 9:3 the bell rang\n");
    server.through("sh", "-c", "exec 9<>" + fifo + " && exec \"$@\"", "sh").start();
    Files.writeString(fifo, "aaa");
    assertThat(awaitAlarm("bell").fields().text("text")).isEqualTo("the bell rang");
  }

  @Test
  void a_full_listen_queue_raises_an_alarm() throws Exception {
    Path seen = scene.directory().resolve("seen");
    UwsgiServer server =
        scene.server(
            SERVER
                + "listen = 2\nalarm = lqfull sentry:culprit=listen_queue\n"
                + "alarm-listen-queue = lqfull\n");
    server.start();
    List<CompletableFuture<Http.Response>> waiting = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      waiting.add(server.getLater("/until?there=" + seen));
    }
    assertThat(awaitAlarm("lqfull").fields().text("text")).contains("listen queue");
    Files.createFile(seen);
    assertThat(waiting).allSatisfy(w -> assertThat(w.join().status()).isEqualTo(200));
  }

  @Test
  void a_segfault_raises_an_alarm_and_the_worker_comes_back() {
    UwsgiServer server =
        scene.server(SERVER + "alarm = crash sentry:\nalarm-segfault = crash\n").start();
    long worker = server.workerPid(1);
    server.get("/segv");
    assertThat(awaitAlarm("crash").fields().text("backtrace"))
        .as("the record of the death that it belongs to")
        .startsWith("*** backtrace of " + worker + " ***");
    assertThat(server.get("/ok").status()).isEqualTo(200);
  }

  @Test
  void a_route_and_the_application_raise_alarms() {
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                alarm = byroute sentry:
                alarm = byapp sentry:level=info
                route = ^/ok$ alarm:byroute seen ${REQUEST_METHOD}
                """);
    server.start().get("/ok");
    server.get("/alarm?name=byapp&text=from%20the%20app");
    assertThat(awaitAlarm("byroute").fields().text("text")).isEqualTo("seen GET");
    assertThat(awaitAlarm("byapp").fields().text("text")).isEqualTo("from the app");
  }

  @Test
  void a_hook_raises_an_alarm_once_the_alarm_thread_is_there() {
    scene
        .server(SERVER + "alarm = started sentry:\nhook-master-start = alarm:started it is here\n")
        .start();
    assertThat(awaitAlarm("started").fields().text("text")).isEqualTo("it is here");
  }

  @Test
  void two_alarms_of_one_line_write_two_records() {
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                alarm = one sentry:level=info
                alarm = two sentry:level=fatal
                alarm-log = one,two ^FOO
                """);
    server.start().get("/log?line=FOO");
    Record one = awaitAlarm("one");
    Record two = awaitAlarm("two");
    assertThat(one.id()).isNotEqualTo(two.id());
    assertThat(one.handlerHash()).isNotEqualTo(two.handlerHash());
  }

  private Record awaitAlarm(String name) {
    return scene.state().awaitRecord("alarm " + name, r -> r.handler().equals("alarm " + name));
  }
}

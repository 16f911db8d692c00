package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Requests that get no answer because their worker is to end: one warning, which names what cut it.
 */
class CutTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      pythonpath = ${dir}
      module = waiting
      master = true
      log-master = true
      worker-reload-mercy = 1
      stats = ${dir}/stats
      master-fifo = ${dir}/fifo
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private CompletableFuture<Http.Response> answer = CompletableFuture.completedFuture(null);

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "INT, a stop of the server",
    "TERM, a brutal reload",
    "HUP, 'a reload (worker-reload-mercy, 1 s)'",
    "fifo w, 'a reload of the workers (worker-reload-mercy, 1 s)'",
    "fifo W, a reload of the workers",
    "fifo c, 'a chain reload (worker-reload-mercy, 1 s)'",
    "fifo C, the end of idle workers"
  })
  void a_request_in_flight_is_one_warning(String means, String cause) {
    UwsgiServer server = serving(SERVER + "harakiri = 100\n");
    if (means.startsWith("fifo ")) {
      server.fifo(means.charAt(5));
    } else {
      server.signal(means);
    }
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(event.get("level")).isEqualTo("warning");
    assertThat(Events.exceptionType(event)).isEqualTo("RequestCut");
    assertThat(Events.exceptionValue(event))
        .matches("GET /report/\\{id} after [\\d.]+ s was cut by .*")
        .endsWith(" was cut by " + cause);
    assertThat(event).containsEntry("transaction", "GET /report/{id}");
    assertThat(Events.request(event)).containsEntry("url", "http://localhost/report/7");
    if (!means.equals("fifo C")) {
      assertThat(Events.functions(event)).as("where it stood").startsWith("application");
    }
    scene.file("go", "");
    assertThat(scene.eventsOf(server, 1)).hasSize(1);
  }

  /** The rest of such a request is uWSGI's and the application's tidying up. */
  @Test
  void a_request_whose_answer_is_out_is_none() {
    scene.file(
        "after.py",
        """
        import time, uwsgi

        def tidy_up():
            print("tidies up", flush=True)
            time.sleep(100)

        uwsgi.after_req_hook = tidy_up

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "2")])
            return [b"ok"]
        """);
    UwsgiServer server =
        scene.quietServer(SERVER.replace("module = waiting", "module = after")).start();
    assertThat(server.get("/ok").body()).isEqualTo("ok");
    server.awaitLog("tidies up");
    scene.noEventOf(server);
  }

  /**
   * Two at once. Under async uWSGI ends a worker that is to reload without waiting for its
   * requests.
   */
  @ParameterizedTest(name = "{0}, {1}: {2}")
  @CsvSource({
    "threads = 4, INT, a stop of the server",
    "threads = 4, HUP, 'a reload (worker-reload-mercy, 1 s)'",
    "gevent = 10, INT, a stop of the server",
    "gevent = 10, HUP, 'a reload (worker-reload-mercy, 1 s)'",
    "greenlet = true, INT, a stop of the server",
    "greenlet = true, HUP, a reload",
  })
  void however_a_worker_serves_them(String mode, String signal, String cause) throws Exception {
    UwsgiServer server = serving(Concurrency.of(SERVER + "harakiri = 100\n", mode));
    CompletableFuture<Http.Response> other = server.getLater("/report/8");
    server.awaitLog("(?s)at it.*at it");
    server.signal(signal);
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.exceptionType(event)).isEqualTo("RequestCut");
    assertThat(Events.exceptionValue(event)).endsWith(" was cut by " + cause);
    assertThat(Events.extra(event).get("requests_in_flight").toString())
        .contains("/report/7", "/report/8");
    scene.file("go", "");
    assertThat(scene.eventsOf(server, 1)).hasSize(1);
    assertThat(answer.get().status()).isZero();
    assertThat(other.get().status()).isZero();
  }

  /**
   * A stop never waits for mules longer than for workers, and kills those that are left as well.
   */
  @ParameterizedTest
  @CsvSource({
    "HUP, 'a reload (mule-reload-mercy, 1 s)'",
    "INT, 'a stop of the server (mule-reload-mercy, 1 s)'"
  })
  void a_mule_that_does_not_end_within_its_mercy_is_one_warning(String signal, String cause) {
    scene.file(
        "busy.py",
        """
        import signal, time
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        print("at it", flush=True)
        while True:
            time.sleep(0.1)
        """);
    UwsgiServer server =
        scene
            .server(
                application(SERVER)
                    + "mule = ${dir}/busy.py\nmule-reload-mercy = 1\nharakiri = 100\n")
            .start();
    server.awaitMaster();
    server.awaitLog("at it");
    server.signal(signal);
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(event.get("level")).isEqualTo("warning");
    assertThat(Events.exceptionType(event)).isEqualTo("TaskCut");
    assertThat(Events.exceptionValue(event)).isEqualTo("mule 1 was cut by " + cause);
  }

  @Test
  void a_kill_for_memory_is_named_by_its_option_and_by_what_it_cut() {
    UwsgiServer server = serving(SERVER + "evil-reload-on-rss = 1\nmemory-report = true\n");
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.exceptionValue(event)).endsWith(" was cut by evil-reload-on-rss");
    assertThat(Events.extra(event)).containsEntry("process_ended_with", "signal 9");
    scene.file("go", "");
    server.stop();
  }

  @Test
  void a_worker_without_a_request_is_ended_in_silence() {
    UwsgiServer server = scene.quietServer(application(SERVER + "workers = 2\n")).start();
    assertThat(server.get("/").status()).isEqualTo(200);
    server.awaitIdle().awaitMaster();
    for (char command : List.of('w', 'W', 'c')) {
      int before = server.log().length();
      server.fifo(command);
      server.awaitLogAfter(before, "(?s)(Respawned uWSGI worker .*){2}");
    }
    server.awaitIdle();
    scene.noEventOf(server);
  }

  @Test
  void a_task_of_a_spooler_that_a_stop_cuts_is_one_warning() {
    scene.file(
        "spooling.py",
        """
        import time, uwsgi

        def task(arguments):
            print("at it", flush=True)
            time.sleep(100)
            return uwsgi.SPOOL_OK

        uwsgi.spooler = task

        def application(environ, start_response):
            uwsgi.spool({b"name": b"letter"})
            start_response("200 OK", [])
            return [b"well"]
        """);
    UwsgiServer server =
        scene
            .server(SERVER.replace("waiting", "spooling") + "spooler = ${dir}/letters\n")
            .through("sh", "-c", "mkdir -p \"$0\" && exec \"$@\"", scene.expand("${dir}/letters"))
            .start();
    server.get("/");
    server.awaitLog("at it");
    Map<String, Object> event = scene.eventsOf(server, 0, 1).get(0);
    assertThat(event.get("level")).isEqualTo("warning");
    assertThat(Events.exceptionType(event)).isEqualTo("TaskCut");
    assertThat(Events.exceptionValue(event))
        .isEqualTo("a task of the spooler was cut by a stop of the server");
  }

  private String application(String ini) {
    scene.file(
        "waiting.py",
        """
        import os, sys, time, uwsgi

        def pause():
            if "gevent" in uwsgi.opt:
                import gevent
                gevent.sleep(0.05)
            elif "greenlet" in uwsgi.opt:
                uwsgi.async_sleep(1)
                uwsgi.suspend()
            else:
                time.sleep(0.05)

        def application(environ, start_response):
            if environ["PATH_INFO"].startswith("/report"):
                sys.stderr.write("at it\\n")
                while not os.path.exists("${dir}/go"):
                    pause()
            start_response("200 OK", [])
            return [b"well"]
        """);
    return ini;
  }

  private UwsgiServer serving(String ini) {
    UwsgiServer server = scene.server(application(ini)).start();
    server.awaitMaster();
    assertThat(server.get("/").status()).isEqualTo(200);
    answer = server.getLater("/report/7");
    server.awaitLog("at it");
    return server;
  }
}

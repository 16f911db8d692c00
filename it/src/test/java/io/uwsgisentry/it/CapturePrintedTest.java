package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What Python only prints, in the functions that uWSGI calls at a time or an occasion, and the
 * hooks by which that is seen.
 */
class CapturePrintedTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  /** Each is for the first worker, or for whoever may take it. */
  private static final String OCCASIONS =
      """
      import os, sys
      sys.path.insert(0, "${apps}")
      import uwsgi
      from captured import OutOfStock, application

      def fails_once(signal):
          if not os.path.exists("${dir}/failed"):
              open("${dir}/failed", "w").close()
              sku = "tea"
              raise OutOfStock("no %s left for signal %d" % (sku, signal))

      uwsgi.register_signal(1, "TARGET", fails_once)
      """;

  private static final String MAIN_THREAD =
      """
      import os

      def application(environ, start_response):
          where = threading.main_thread().native_id
          start_response("200 OK", [("Content-Type", "text/plain")])
          owner = "this process" if where == os.getpid() else "the one before it"
          return [("the main thread is of %s\\n" % owner).encode()]
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "uwsgi.add_timer(1, 1)",
        "uwsgi.add_rb_timer(1, 1)",
        "uwsgi.add_cron(1, -1, -1, -1, -1, -1)",
        "uwsgi.add_file_monitor(1, '${dir}/watched')",
        "before = application\ndef application(*args):\n    uwsgi.signal(1)\n    return before(*args)",
      })
  void an_exception_in_a_function_for_an_occasion_is_told(String occasion) {
    scene.file("watched", "");
    Map<String, Object> event = failing("worker1", occasion, "");
    assertThat(Events.context(event, "uwsgi")).containsEntry("process", "worker");
  }

  @Test
  void an_exception_of_a_timer_in_a_mule_is_told() {
    Map<String, Object> event = failing("mule1", "uwsgi.add_timer(1, 1)", "mule = true\n");
    assertThat(Events.context(event, "uwsgi")).containsEntry("process", "mule");
  }

  @Test
  void an_exception_of_a_timer_in_a_spooler_is_told() {
    Map<String, Object> event =
        failing("spooler", "uwsgi.add_timer(1, 1)", "spooler = ${dir}/spool\n");
    assertThat(Events.context(event, "uwsgi")).containsEntry("process", "spooler");
  }

  @Test
  void an_exception_of_a_timer_among_threads_is_told() {
    failing("worker1", "uwsgi.add_timer(1, 1)", "threads = 3\nworkers = 2\n");
  }

  private Map<String, Object> failing(String target, String occasion, String more) {
    scene.file("occasions.py", OCCASIONS.replace("TARGET", target) + occasion + "\n");
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "pythonpath = ${dir}\nmodule = occasions")
                    + "stats = ${dir}/stats\n"
                    + more)
            .start();
    if (occasion.contains("file_monitor")) {
      // The master looks at a file from its first moment on only.
      server.awaitMaster();
      scene.file("watched", "changed");
    }
    server.get("/ok");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionValue(event)).isEqualTo("no tea left for signal 1");
    assertThat(Events.functions(event)).containsExactly("fails_once");
    assertThat(Events.frames(Events.exceptions(event).get(0)).get(0).get("vars"))
        .isEqualTo(Map.of("signal", "1", "sku", "'tea'"));
    assertThat(event).doesNotContainKey("request");
    return event;
  }

  @Test
  void with_capture_of_exceptions_off_pythons_hooks_are_left_alone() {
    UwsgiServer server =
        scene.server(SERVER + "enable-threads = true\nsentry-capture = crashes\n").start();
    assertThat(server.get("/hooks").body()).isEqualTo("True True\n");
    server.get("/thread");
    server.get("/exit");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("UnexpectedExit");
  }

  /** Whoever imports threading first makes its thread the main one. */
  @ParameterizedTest
  @ValueSource(strings = {"", "lazy-apps = true\n"})
  void the_main_thread_of_an_application_is_the_one_that_it_is_without_us(String lazy) {
    scene.file("early.py", "import threading\n" + MAIN_THREAD);
    scene.file("late.py", MAIN_THREAD.replace("    where", "    import threading\n    where"));
    for (String module : List.of("early", "late")) {
      List<String> seen = new ArrayList<>();
      for (String capture : List.of("none", "all")) {
        UwsgiServer server =
            scene
                .server(
                    SERVER
                            .replace("module = captured", "module = " + module)
                            .replace("pythonpath = ${apps}", "pythonpath = ${dir}")
                        + "enable-threads = true\n"
                        + lazy
                        + "sentry-capture = "
                        + capture
                        + "\n")
                .start();
        seen.add(server.get("/").body());
        server.stop();
      }
      assertThat(seen.get(0)).as(module).contains("main thread");
      assertThat(seen.get(1)).as(module).isEqualTo(seen.get(0));
    }
  }

  @Test
  void a_hook_of_the_applications_that_calls_on_ours_loses_nothing() {
    scene.file(
        "hooked.py",
        """
        import sys, threading
        from captured import application

        before = threading.excepthook

        def mine(args):
            sys.stderr.write("my own hook\\n")
            before(args)

        threading.excepthook = mine
        """);
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "module = hooked\npythonpath = ${dir}")
                    + "enable-threads = true\n")
            .start();
    server.get("/thread");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptions(event)).hasSize(2);
    assertThat(server.log()).contains("my own hook");
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

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

  @RegisterExtension final Scene scene = new Scene();

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
                    + more)
            .start();
    if (occasion.contains("file_monitor")) {
      // The master looks at a file from its first moment on only.
      server.awaitLog("spawned uWSGI worker 1");
      scene.state().awaitAgent();
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

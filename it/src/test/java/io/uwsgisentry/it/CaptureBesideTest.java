package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Python beside the requests: threads, mules, spoolers; what uWSGI only prints, or not even that.
 */
@ParameterizedClass
@MethodSource("io.uwsgisentry.it.Uwsgi#each")
class CaptureBesideTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;
  private static final String SPOOLER =
      SERVER.replace("module = captured", "module = spooled")
          + "spooler = ${dir}/spool\nspooler-frequency = 1\n";

  @Parameter Uwsgi uwsgi;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void an_exception_that_ends_a_thread_is_told_and_printed_as_ever() {
    UwsgiServer server = uwsgi.server(scene, SERVER + "enable-threads = true\n").start();
    assertThat(server.get("/thread").status()).isEqualTo(200);
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("exception_in_a_thread", event);
    assertThat(server.log()).contains("Exception in thread mailer:", "no tea leaves left");
  }

  @Test
  void an_exception_that_ends_a_mule_is_told_once() {
    UwsgiServer server =
        uwsgi.server(scene, SERVER + "mule = " + mule("raise OutOfStock('no hay')")).start();
    server.awaitLog("OOOPS mule 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("exception_in_a_mule", event);
    assertThat(server.log()).contains("OutOfStock: no hay");
  }

  @Test
  void an_exception_of_a_mule_that_is_a_function_is_told_though_nothing_prints_it() {
    scene.file(
        "haul.py",
        """
        import os

        def haul():
            if not os.path.exists("${dir}/hauled"):
                open("${dir}/hauled", "w").close()
                load = 12
                raise ValueError("too heavy: %d" % load)
            import uwsgi
            while True:
                uwsgi.mule_get_msg()
        """);
    UwsgiServer server =
        uwsgi.server(scene, SERVER + "pythonpath = ${dir}\nmule = haul:haul\n").start();
    server.awaitLog("OOOPS mule 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("ValueError");
    assertThat(Events.functions(event)).containsExactly("haul");
    assertThat(Events.context(event, "uwsgi")).containsEntry("process", "mule");
    assertThat(server.log()).doesNotContain("too heavy");
  }

  @Test
  void
      a_mules_function_is_looked_at_with_the_gil_where_applications_have_interpreters_of_their_own() {
    scene.file(
        "haul.py",
        """
        def haul():
            raise ValueError("too heavy")
        """);
    UwsgiServer server =
        uwsgi
            .server(
                scene,
                SERVER.replace("module = captured\n", "")
                    + """
                    pythonpath = ${dir}
                    enable-threads = true
                    mount = /one=${apps}/app.py
                    mount = /two=${apps}/captured.py
                    mule = haul:haul
                    """)
            .start();
    Map<String, Object> event =
        scene.awaitEvent("ValueError", e -> "ValueError".equals(Events.exceptionType(e)));
    assertThat(Events.functions(event)).containsExactly("haul");
    server.stop();
  }

  @Test
  void a_mule_that_exits_on_purpose_is_no_event() {
    UwsgiServer server =
        uwsgi.server(scene, Scene.quiet(SERVER + "mule = " + mule("raise SystemExit(0)"))).start();
    server.awaitLog("OOOPS mule 1");
    scene.noEventOf(server);
  }

  @Test
  void an_exception_in_a_spoolers_task_is_told_with_its_locals() {
    UwsgiServer server = uwsgi.server(scene, SPOOLER).start();
    server.get("/raise");
    server.awaitLog("OutOfStock");
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("exception_in_a_spooler", event);
  }

  @Test
  void a_spooler_that_dies_in_a_task_is_told() {
    UwsgiServer server = uwsgi.server(scene, SPOOLER).start();
    server.get("/abort");
    server.awaitLog("OOOPS the spooler is no more");
    golden.holds("death_of_a_spooler", scene.onlyEventOf(server));
  }

  @Test
  void a_spooler_whose_task_takes_too_long_is_told_with_where_it_stood() {
    UwsgiServer server = uwsgi.server(scene, SPOOLER + "spooler-harakiri = 6\n").start();
    server.get("/stand");
    server.awaitLog("OOOPS the spooler is no more");
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("harakiri_of_a_spooler", event);
    assertThat(Events.functions(event)).endsWith("stand_still");
  }

  @Test
  void many_exceptions_in_threads_at_once_are_each_told() {
    assumeTrue(Processes.root(), "needs root: a server that gives it up");
    UwsgiServer server =
        uwsgi.server(scene, SERVER + "threads = 4\nuid = www-data\ngid = www-data\n").start();
    List<String> paths = List.of("/thread", "/thread", "/thread");
    var answers = paths.stream().map(server::getLater).toList();
    answers.forEach(a -> assertThat(a.join().status()).isEqualTo(200));
    assertThat(scene.eventsOf(server, 3))
        .allSatisfy(e -> assertThat(Events.functions(e)).endsWith("run", "reserve"));
  }

  /** A script that does this the first time it runs, and then waits for messages. */
  private String mule(String statement) {
    return scene.file(
            "mule_once.py",
            """
            import os, uwsgi

            class OutOfStock(Exception):
                pass

            if not os.path.exists("${dir}/done"):
                open("${dir}/done", "w").close()
                %s
            while True:
                uwsgi.mule_get_msg()
            """
                .formatted(statement))
        + "\n";
  }
}

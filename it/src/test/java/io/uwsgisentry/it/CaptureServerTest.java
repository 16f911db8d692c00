package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What goes wrong around the requests: the queue, the start, mules and daemons; one event each. */
class CaptureServerTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void a_full_listen_queue_shows_what_the_workers_are_doing() throws Exception {
    scene.file(
        "waiting.py",
        """
        import os, sys, time

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/wait":
                sys.stderr.write("waiting\\n")
                while not os.path.exists("${dir}/go"):
                    time.sleep(0.05)
            start_response("200 OK", [])
            return [b"well"]
        """);
    UwsgiServer server =
        scene
            .server(
                SERVER
                    .replace("module = captured", "pythonpath = ${dir}\nmodule = waiting")
                    .replace("http-socket", "listen = 2\nhttp-socket"))
            .start();
    List<CompletableFuture<Http.Response>> answers = new ArrayList<>();
    answers.add(server.getLater("/wait"));
    server.awaitLog("waiting");
    for (int i = 0; i < 5; i++) {
      answers.add(server.getLater("/ok"));
    }
    // It is looked at once a second, by uWSGI and by us.
    server.awaitLog("(?s)listen queue.*full !!!.*listen queue.*full !!!");
    scene.file("go", "");
    for (CompletableFuture<Http.Response> answer : answers) {
      answer.get();
    }
    golden.holds("listen_queue", scene.onlyEventOf(server));
  }

  @Test
  void an_application_that_does_not_load_comes_with_its_traceback() {
    UwsgiServer server =
        scene
            .server(
                SERVER
                    .replace("need-app = true\n", "")
                    .replace("module = captured", "module = unloadable"))
            .start();
    assertThat(server.get("/").status()).isEqualTo(500);
    golden.holds("boot_without_application", scene.onlyEventOf(server));
  }

  @Test
  void an_application_that_the_workers_do_not_load_is_one_event() {
    UwsgiServer server =
        scene
            .server(
                SERVER
                        .replace("need-app = true\n", "")
                        .replace("module = captured", "module = unloadable")
                    + "lazy-apps = true\nworkers = 2\n")
            .start();
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "boot");
    assertThat(Events.exceptionType(event)).isEqualTo("ConnectionRefusedError");
    assertThat(Events.functions(event)).containsExactly("<module>", "connect");
  }

  @Test
  void workers_that_serve_on_without_their_application_are_told_whenever_it_is_lost() {
    String well =
        "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'well']\n";
    scene.file("fragile.py", well);
    UwsgiServer server =
        scene
            .server(
                SERVER
                        .replace("need-app = true\n", "")
                        .replace("module = captured", "pythonpath = ${dir}\nmodule = fragile")
                    + "lazy-apps = true\nprocesses = 2\nmaster-fifo = ${dir}/fifo\n")
            .start();
    for (String text : List.of("import nowhere\n", well, "import elsewhere\n")) {
      scene.file("fragile.py", text);
      int from = server.log().length();
      server.fifo('w');
      String outcome = text.equals(well) ? "WSGI app 0" : "unable to load app 0";
      server.awaitLogAfter(from, "(?s)" + outcome + ".*" + outcome);
    }
    assertThat(scene.eventsOf(server, 2))
        .extracting(Events::exceptionValue)
        .containsExactly("No module named 'nowhere'", "No module named 'elsewhere'");
  }

  @Test
  void a_server_that_needs_its_application_tells_why_it_ended() {
    scene.supervised();
    UwsgiServer server =
        scene.server(SERVER.replace("module = captured", "module = unloadable")).launch();
    server.awaitEnd();
    golden.holds("boot_that_ended", scene.awaitEvents(1).get(0));
    scene.state().awaitNoAgent();
    assertThat(scene.receiver().events()).hasSize(1);
  }

  @Test
  void a_worker_that_no_longer_loads_its_application_is_told() {
    scene.supervised();
    scene.file(
        "fragile.py",
        """
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"well"]
        """);
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "pythonpath = ${dir}\nmodule = fragile")
                    + "lazy-apps = true\nenable-threads = true\nprocesses = 2\n"
                    + "master-fifo = ${dir}/fifo\n")
            .start();
    assertThat(server.get("/").body()).isEqualTo("well");
    scene.state().awaitAgent();
    scene.file("fragile.py", "import nowhere\n");
    server.fifo('w');
    server.awaitLog("No module named 'nowhere'");
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "boot");
    assertThat(Events.exceptionType(event)).isEqualTo("ModuleNotFoundError");
    scene.state().awaitNoAgent();
    assertThat(scene.receiver().events()).hasSize(1);
  }

  @Test
  void a_start_that_fails_after_the_application_was_loaded_is_not_told_with_an_older_exception() {
    UwsgiServer server =
        scene
            .server(
                SERVER
                    + "sentry-agent = external\nimport = nowhere\nstats = ${dir}/nowhere/stats\n")
            .launch();
    server.awaitEnd();
    assertThat(server.log()).contains("No module named 'nowhere'", "WSGI app 0");
    assertThat(scene.state().records())
        .filteredOn(r -> r.kind() == Kind.BOOT)
        .extracting(r -> r.fields().text("exception.type"))
        .containsOnlyNulls();
  }

  /** 22 is what uWSGI ends with where an application did not load. */
  @Test
  void an_exit_with_the_code_of_a_missing_application_is_one_only_where_an_application_is_loaded() {
    scene.file(
        "forking.py",
        """
        import ctypes, os

        def application(environ, start_response):
            child = os.fork()
            if not child:
                ctypes.CDLL(None).exit(22)
            status = os.waitpid(child, 0)[1]
            start_response("200 OK", [])
            return [str(os.WEXITSTATUS(status)).encode()]
        """);
    scene.file(
        "leaving.py",
        """
        import os, sys, uwsgi

        if os.path.exists("${dir}/left"):
            while True:
                uwsgi.mule_get_msg()
        open("${dir}/left", "w").close()
        sys.exit(22)
        """);
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "pythonpath = ${dir}\nmodule = forking")
                    + "lazy-apps = true\nenable-threads = true\nsentry-agent = external\n"
                    + "mule = ${dir}/leaving.py\nmaster-fifo = ${dir}/fifo\n")
            .start();
    assertThat(server.get("/").body()).isEqualTo("22");
    server.awaitLog("(?s)(spawned uWSGI mule 1 .*){2}");

    scene.file("forking.py", "import nowhere\n");
    server.fifo('w');
    server.awaitEnd();
    assertThat(scene.state().records())
        .filteredOn(r -> r.kind() == Kind.BOOT)
        .extracting(r -> r.fields().text("exception.type"))
        .containsExactly("ModuleNotFoundError");
  }

  @Test
  void a_daemon_that_ends_names_its_command_and_code() {
    scene.file(
        "once.sh",
        """
        [ -e ${dir}/ended ] && exec sleep 600
        touch ${dir}/ended
        sleep 1
        exit 3
        """);
    UwsgiServer server = scene.server(SERVER + "attach-daemon = sh ${dir}/once.sh\n").start();
    server.awaitLog("respawning \"sh");
    golden.holds("death_of_a_daemon", scene.onlyEventOf(server));
  }

  @Test
  void a_mule_that_is_killed_is_told() {
    UwsgiServer server = scene.server(SERVER + "mule = ${apps}/mule.py\n").start();
    server.awaitLog("spawned uWSGI mule 1");
    server.get("/ok");
    Processes.signal(server.mulePid(), "KILL");
    server.awaitLog("respawn");
    golden.holds("death_of_a_mule", scene.onlyEventOf(server));
  }

  @Test
  void a_mule_that_takes_too_long_is_told() {
    scene.file(
        "stuck.py",
        """
        import os, time, uwsgi

        if os.path.exists("${dir}/stuck"):
            while True:
                uwsgi.mule_get_msg()
        open("${dir}/stuck", "w").close()
        uwsgi.set_user_harakiri(6)
        time.sleep(60)
        """);
    UwsgiServer server = scene.server(SERVER + "mule = ${dir}/stuck.py\n").start();
    server.awaitLog("respawning mule|OOOPS mule|mule 1.*(?:died|annihilated|respawn)");
    Map<String, Object> event = scene.onlyEventOf(server);
    golden.holds("harakiri_of_a_mule", event);
  }
}

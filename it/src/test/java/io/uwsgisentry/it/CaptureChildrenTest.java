package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What uWSGI runs beside its workers, and what it fails to start: one event each. */
class CaptureChildrenTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  /** For {@link #letTheMasterLook}. */
  private static final String LOOKS = SERVER + "touch-exec = ${dir}/look echo the master looked\n";

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private final Golden golden = new Golden(scene);

  @Test
  void a_crons_command_that_fails_names_its_code_and_its_output_is_in_the_log() {
    // The line wakes the master: who ends right behind it may be gone before that has looked.
    String script =
        script("backup.sh", "echo backup: no space left on device >&2", "sleep 0.4", "exit 7");
    UwsgiServer server =
        scene
            .server(SERVER + "log-master = true\ncron = -1 -1 -1 -1 -1 sh " + script + "\n")
            .start();
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(event.remove("breadcrumbs").toString())
        .contains("[uwsgi-cron] running", "backup: no space left on device");
    golden.holds("death_of_a_cron", event);
  }

  @Test
  void a_crons_command_that_succeeds_is_no_event() {
    String script = script("fine.sh", "echo all is well >&2");
    UwsgiServer server =
        scene.quietServer(SERVER + "cron = -1 -1 -1 -1 -1 sh " + script + "\n").start();
    server.awaitLog("all is well");
    scene.noEventOf(server);
  }

  @Test
  void a_crons_command_that_takes_too_long_is_told() {
    String script = script("endless.sh", "exec sleep 600");
    UwsgiServer server =
        scene.server(SERVER + "cron2 = harakiri=1,minute=-1 sh " + script + "\n").start();
    server.awaitLog("HARAKIRI ON CRON");
    golden.holds("harakiri_of_a_cron", scene.onlyEventOf(server));
  }

  @Test
  void a_daemon_with_a_pidfile_that_is_gone_is_told() throws Exception {
    String script = script("smart.sh", "exec sleep 600");
    scene.file("look", "");
    UwsgiServer server =
        scene.server(LOOKS + "smart-attach-daemon2 = ${dir}/smart.pid sh " + script + "\n").start();
    long daemon = smartDaemon(0);
    // uWSGI takes it for running once it has found it there itself, about once a second.
    server.get("/ok");
    letTheMasterLook(server);
    Processes.signal(daemon, "KILL");
    smartDaemon(daemon);
    golden.holds("death_of_a_smart_daemon", scene.onlyEventOf(server));
  }

  @Test
  void a_daemon_with_a_pidfile_that_somebody_else_started_anew_is_no_event() throws Exception {
    String script = script("smart.sh", "exec sleep 600");
    scene.file("look", "");
    UwsgiServer server =
        scene
            .quietServer(LOOKS + "smart-attach-daemon = ${dir}/smart.pid sh " + script + "\n")
            .launch();
    Process first = scene.command("sleep", "600").start();
    Process second = scene.command("sleep", "600").start();
    Path pidfile = scene.directory().resolve("smart.pid");
    Files.writeString(pidfile, first.pid() + "\n");
    server.awaitLog("spawned uWSGI worker 1");
    letTheMasterLook(server);
    Files.writeString(pidfile, second.pid() + "\n");
    server.awaitLog("found changed pid");
    first.destroyForcibly();
    letTheMasterLook(server);
    scene.noEventOf(server);
  }

  @Test
  void a_daemon_that_is_ended_because_its_file_was_touched_is_no_event() throws Exception {
    String script = script("touched.sh", "exec sleep 600");
    Path file = scene.file("touch", "");
    scene.file("look", "");
    UwsgiServer server =
        scene
            .quietServer(LOOKS + "attach-daemon2 = cmd=sh " + script + ",touch=" + file + "\n")
            .start();
    server.awaitLog("spawning \"sh");
    letTheMasterLook(server);
    Files.setLastModifiedTime(file, FileTime.from(java.time.Instant.now().plusSeconds(5)));
    server.awaitLog("respawning \"sh");
    scene.noEventOf(server);
  }

  @Test
  void a_vassal_that_dies_is_told_by_its_emperor() throws Exception {
    UwsgiServer emperor = emperor("master = true");
    Processes.signal(vassal(emperor), "KILL");
    emperor.awaitLog("(?s)removed uwsgi instance.*spawned uWSGI worker 1");
    golden.holds("death_of_a_vassal", scene.onlyEventOf(emperor));
  }

  @Test
  void an_emperor_without_a_master_has_an_agent_for_what_it_tells() throws Exception {
    scene.supervised();
    UwsgiServer emperor = emperor("");
    Processes.signal(vassal(emperor), "KILL");
    emperor.awaitLog("(?s)removed uwsgi instance.*spawned uWSGI worker 1");
    scene.awaitEvents(1);
    assertThat(Events.context(scene.onlyEventOf(emperor), "uwsgi"))
        .containsEntry("process", "vassal");
  }

  @Test
  void a_vassal_that_its_emperor_ends_is_no_event() throws Exception {
    UwsgiServer emperor = emperor("master = true");
    Files.delete(scene.directory().resolve("vassals/one.ini"));
    emperor.awaitLog("removed uwsgi instance");
    long first = vassal(emperor);
    Files.writeString(
        scene.directory().resolve("vassals/two.ini"),
        scene.expand("[uwsgi]\nhttp-socket = 127.0.0.1:${vassal}\nmaster = true\n"));
    await("another vassal").until(() -> vassal(emperor) != first);
    Processes.signal(vassal(emperor), "KILL");
    assertThat(Events.extra(scene.awaitEvents(1).get(0))).containsEntry("command", "two.ini");
    scene.onlyEventOf(emperor);
  }

  @Test
  void a_worker_that_cannot_be_started_again_is_told() throws Exception {
    assumeTrue(Processes.root(), "needs root: a limit of processes for another user");
    scene.supervised();
    UwsgiServer server =
        scene.server(SERVER + "uid = www-data\ngid = www-data\nworkers = 2\n").start();
    server.awaitLog("spawned uWSGI worker 2");
    scene.state().awaitAgent();
    long worker = server.workerPid(2);
    limitProcesses(server.masterPid(), "1");
    Processes.signal(worker, "KILL");
    server.awaitLog("fork\\(\\): Resource temporarily unavailable");
    Map<String, Object> event =
        scene.awaitEvent("fork failed", e -> e.toString().contains("fork failed"));
    limitProcesses(server.masterPid(), "20000");
    golden.holds("worker_that_was_not_started", event);
    assertThat(scene.eventsOf(server, 2))
        .extracting(e -> Events.tags(e).get("uwsgi.kind"))
        .containsExactlyInAnyOrder("death", "boot");
  }

  private UwsgiServer emperor(String options) throws IOException {
    int port = Scene.freePort();
    scene.define("vassal", port);
    scene.file("vassals/one.ini", "[uwsgi]\nhttp-socket = 127.0.0.1:${vassal}\nmaster = true\n");
    return scene
        .server(
            """
            [uwsgi]
            plugin = sentry
            emperor = ${dir}/vassals
            emperor-freq = 1
            sentry-dsn = ${dsn}
            sentry-instance = empire
            sentry-drain = 10
            """
                + options
                + "\n")
        .startUntil("ready to accept requests|is now loyal");
  }

  private static long vassal(UwsgiServer emperor) {
    var matcher =
        java.util.regex.Pattern.compile("spawned uWSGI master process \\(pid: (\\d+)\\)")
            .matcher(emperor.log());
    long pid = 0;
    while (matcher.find()) {
      if (Long.parseLong(matcher.group(1)) != emperor.masterPid()) {
        pid = Long.parseLong(matcher.group(1));
      }
    }
    assertThat(pid).isPositive();
    return pid;
  }

  /** Waits until the pidfile names a process other than that one. */
  private long smartDaemon(long before) {
    Path pidfile = scene.directory().resolve("smart.pid");
    return await("a daemon in " + pidfile)
        .ignoreExceptions()
        .until(
            () -> Long.parseLong(Files.readString(pidfile).strip()),
            pid -> pid != before && Processes.alive(pid));
  }

  /**
   * Waits until the master has been round three times in three different seconds: it looks at most
   * once a second, at what it then takes for running.
   */
  private void letTheMasterLook(UwsgiServer server) throws IOException {
    Path file = scene.directory().resolve("look");
    for (int i = 0; i < 3; i++) {
      long second = System.currentTimeMillis() / 1000;
      await().until(() -> System.currentTimeMillis() / 1000 > second + 1);
      int from = server.log().length();
      Files.setLastModifiedTime(
          file, FileTime.from(Files.getLastModifiedTime(file).toInstant().plusSeconds(10)));
      server.awaitLogAfter(from, "the master looked");
    }
  }

  /** As its own user may, who needs no right that root can lack in a container. */
  private void limitProcesses(long pid, String most) throws Exception {
    Process limit =
        scene
            .command(
                "setpriv",
                "--reuid=www-data",
                "--regid=www-data",
                "--clear-groups",
                "prlimit",
                "--pid",
                Long.toString(pid),
                "--nproc=" + most + ":")
            .inheritIO()
            .start();
    assertThat(limit.waitFor()).isZero();
  }

  private String script(String name, String... lines) {
    return scene.file(name, String.join("\n", lines) + "\n").toString();
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.journal.ProcessKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The agent under each of the forms that a uWSGI server takes: its events arrive, and it serves as
 * before.
 */
class ProcessTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-fold = 0
      sentry-drain = 30
      route = ^/event sentry:message=event ${QUERY_STRING},level=info,timeout=60
      """;

  private static final String MASTER = SERVER + "master = true\nmaster-fifo = ${dir}/fifo\n";

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_server_without_a_master_has_an_agent_that_ends_after_it() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/event?a");
    scene.awaitEvent("event a");
    server.get("/event?b");
    server.stop();
    scene.awaitEvent("event b");
    scene.state().awaitNoAgent();
  }

  @Test
  void a_server_that_gives_up_root_gives_the_directory_to_its_user() throws Exception {
    assumeTrue(Processes.root(), "needs root: uid and gid");
    UwsgiServer server =
        scene
            .server(MASTER + "uid = www-data\ngid = www-data\nhook-asap = sentry:message=asap\n")
            .start();
    server.get("/event?before");
    scene.awaitEvent("asap");
    scene.awaitEvent("event before");
    Path state = scene.state().path();
    assertThat(Processes.uid(scene.state().awaitAgent()))
        .isEqualTo(Processes.uid(server.workerPid(1)))
        .isNotZero();
    assertThat(Files.getPosixFilePermissions(state))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    assertThat(filesNotOf("www-data", state)).isEmpty();
    server.reload();
    server.get("/event?after");
    scene.awaitEvent("event after");
    await()
        .until(
            () ->
                scene.receiver().events().stream()
                        .filter(e -> Events.message(e).equals("asap"))
                        .count()
                    == 2);
    server.stop();
  }

  @Test
  void a_master_that_stays_root_runs_the_agent_as_its_workers_user() {
    assumeTrue(Processes.root(), "needs root: uid and gid");
    UwsgiServer server =
        scene.server(MASTER + "uid = www-data\ngid = www-data\nmaster-as-root = true\n").start();
    server.get("/event?a");
    scene.awaitEvent("event a");
    assertThat(Processes.uid(server.masterPid())).isZero();
    assertThat(Processes.uid(scene.state().awaitAgent()))
        .isEqualTo(Processes.uid(server.workerPid(1)))
        .isNotZero();
  }

  @Test
  void a_master_that_stays_root_needs_no_program_to_become_that_user() throws IOException {
    assumeTrue(Processes.root(), "needs root: uid and gid");
    Path programs = Files.createDirectories(scene.directory().resolve("programs"));
    Path uwsgi = Path.of("/usr/bin/uwsgi");
    assumeTrue(Files.exists(uwsgi), "needs the machine's uWSGI where Debian has it");
    Files.createSymbolicLink(programs.resolve("uwsgi"), uwsgi);
    UwsgiServer server =
        scene
            .server(MASTER + "uid = www-data\ngid = www-data\nmaster-as-root = true\n")
            .environment("PATH", programs.toString())
            .start();
    server.get("/event?a");
    scene.awaitEvent("event a");
    assertThat(Processes.uid(scene.state().awaitAgent()))
        .isEqualTo(Processes.uid(server.workerPid(1)));
  }

  @Test
  void a_server_in_a_chroot_writes_and_says_once_that_its_agent_must_run_outside()
      throws IOException {
    assumeTrue(Processes.root(), "needs root: chroot");
    Files.createDirectories(scene.directory().resolve("jail"));
    UwsgiServer server =
        scene
            .server(
                """
                [uwsgi]
                plugin = sentry
                http-socket = 127.0.0.1:${port}
                master = true
                chroot = ${dir}/jail
                uid = 65534
                gid = 65534
                sentry-dsn = ${dsn}
                sentry-dir = ${state}
                hook-as-user = sentry:message=inside
                hook-accepting1-once = sentry:message=ready
                route = ^/event sentry:message=event ${QUERY_STRING}
                route-run = break:200 OK
                """)
            .start();
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    scene.state().awaitRecord("the route", r -> r.handler().equals("route ^/event"));
    scene.state().awaitRecord("the hook", r -> r.handler().equals("hook-as-user"));
    scene.state().awaitRecord("the hook", r -> r.handler().equals("hook-accepting1-once"));
    assertThat(server.logged("sentry-agent = external")).isEqualTo(1);
    assertThat(scene.state().agents()).isEmpty();
    server.stop();
    try (var files = Files.list(scene.directory().resolve("jail"))) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void the_vassals_of_an_emperor_share_one_agent() {
    String vassal = MASTER.replace("${port}", "%s").replace("${dir}/fifo", "${dir}/fifo-%s");
    int one = Scene.freePort();
    int two = Scene.freePort();
    scene.file("vassals/one.ini", vassal.formatted(one, one));
    scene.file("vassals/two.ini", vassal.formatted(two, two));
    UwsgiServer emperor =
        scene.server("[uwsgi]\nemperor = ${dir}/vassals\n").startUntil("vassal two.ini is ready");
    emperor.awaitLog("vassal one.ini is ready");
    assertThat(get(one, "/event?one").status()).isEqualTo(200);
    assertThat(get(two, "/event?two").status()).isEqualTo(200);
    scene.awaitEvent("event one");
    scene.awaitEvent("event two");
    assertThat(scene.state().agents()).hasSize(1);
    assertThat(scene.state().entries()).extracting(e -> e.instance()).containsOnly("one", "two");
  }

  @Test
  void applications_that_load_in_the_worker_run_their_hooks_there() {
    UwsgiServer server =
        scene
            .server(
                MASTER
                    + """
                    sentry-agent = external
                    lazy-apps = true
                    workers = 2
                    hook-pre-app = sentry:message=before the app
                    """)
            .start();
    assertThat(
            scene.state().awaitRecords(2, "hook-pre-app", r -> r.handler().equals("hook-pre-app")))
        .allSatisfy(r -> assertThat(r.process()).isEqualTo(ProcessKind.WORKER))
        .extracting(r -> r.worker())
        .containsExactlyInAnyOrder(1, 2);
    assertThat(server.get("/ok").status()).isEqualTo(200);
  }

  @Test
  void a_reload_in_the_middle_of_a_request_lets_it_end_and_loses_nothing() {
    UwsgiServer server = scene.server(MASTER + "workers = 2\nstats = ${dir}/stats\n").start();
    scene.state().awaitAgent();
    server.get("/event?before");
    server.awaitIdle();
    CompletableFuture<Http.Response> slow = server.getLater("/sleep?s=2");
    server.awaitInRequest(1);
    server.reload();
    server.get("/event?after");
    assertThat(slow.join()).isEqualTo(new Http.Response(200, "ok\n"));
    scene.awaitEvent("event before");
    scene.awaitEvent("event after");
    assertThat(scene.receiver().eventIds()).hasSize(2);
    assertThat(scene.receiver().accepted()).hasSize(2);
    assertThat(server.logged("brutally killing workers")).isZero();
    scene.state().awaitAgent();
  }

  @Test
  void a_chain_reload_leaves_the_agent_alone_and_fails_no_request_that_was_begun() {
    UwsgiServer server = scene.server(MASTER + "workers = 2\nlazy-apps = true\n").start();
    long agent = scene.state().awaitAgent();
    long first = server.workerPid(1);
    try (Load load = Load.on(server, "load", 2)) {
      server.fifo('c');
      await().until(() -> server.logged("chain reloading complete") > 0);
      load.stop();
      // Sent away between accept() and the request's first byte, a worker drops that connection:
      // uWSGI's own doing, of which no request of ours can know.
      assertThat(load.failed()).as("of two workers").isLessThanOrEqualTo(2);
      awaitAll(load);
      assertThat(scene.receiver().events())
          .extracting(event -> Events.message(event).replace("event ", ""))
          .noneMatch(load.unanswered()::contains);
    }
    assertThat(server.workerPid(1)).isNotEqualTo(first);
    assertThat(scene.state().awaitAgent()).isEqualTo(agent);
  }

  @Test
  void of_two_servers_on_one_directory_the_second_takes_over_in_the_middle_of_a_load() {
    UwsgiServer first = scene.server(MASTER + "sentry-instance = first\nworkers = 2\n").start();
    long agent = scene.state().awaitAgent();
    UwsgiServer second =
        scene
            .server(MASTER.replace("/fifo", "/fifo2") + "sentry-instance = second\nworkers = 2\n")
            .start();
    try (Load onFirst = Load.on(first, "first", 1);
        Load onSecond = Load.on(second, "second", 1)) {
      scene.awaitEvents(50);
      assertThat(scene.state().agents()).hasSize(1);
      first.stop();
      onFirst.stop();
      int soFar = scene.receiver().eventIds().size();
      await().until(() -> onSecond.answered().size() > 50);
      scene.awaitEvents(soFar + 50);
      onSecond.stop();
      assertThat(onSecond.failed()).isZero();
      awaitAll(onFirst, onSecond);
    }
    // The first one's agent serves both to its end, and ends some time after its server.
    await("an agent of the second's").until(() -> scene.state().awaitAgent() != agent);
  }

  @Test
  void a_limit_on_memory_does_not_stop_the_agent() {
    String user = Processes.root() ? "uid = www-data\ngid = www-data\n" : "";
    UwsgiServer server = scene.server(MASTER + user + "limit-as = 512\n").start();
    server.get("/event?a");
    scene.awaitEvent("event a");
  }

  @Test
  void a_server_that_changes_directory_finds_a_relative_state_directory_again() throws Exception {
    Path elsewhere = Files.createDirectories(scene.directory().resolve("elsewhere"));
    UwsgiServer server =
        scene.server(MASTER.replace("${state}", "state") + "chdir = " + elsewhere + "\n").start();
    assertThat(server.get("/cwd").body()).isEqualTo(elsewhere.toRealPath().toString());
    server.get("/event?before");
    scene.awaitEvent("event before");
    server.reload();
    server.get("/event?after");
    scene.awaitEvent("event after");
    assertThat(elsewhere.resolve("state")).doesNotExist();
  }

  @Test
  void a_plain_user_keeps_its_state_in_its_home() throws IOException {
    assumeTrue(Processes.root(), "needs root: to become another user");
    Path home = Files.createDirectories(scene.directory().resolve("home"));
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxrwxrwx"));
    UwsgiServer server =
        scene
            .server(
                MASTER.replace("sentry-dir = ${state}\n", "sentry-instance = plain\n")
                    + "; its sentry-dir is the default\n")
            .through("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups")
            .environment("XDG_STATE_HOME", home.toString())
            .start();
    server.get("/event?a");
    scene.awaitEvent("event a");
    assertThat(home.resolve("uwsgi-sentry/outbox.db")).exists();
  }

  @Test
  void an_agent_that_was_started_by_hand_serves_a_server_that_starts_none() throws IOException {
    UwsgiServer server = scene.server(MASTER + "sentry-agent = external\n").start();
    server.get("/event?before");
    scene.agent();
    scene.awaitEvent("event before");
    server.get("/event?after");
    scene.awaitEvent("event after");
  }

  @Test
  void a_server_that_cannot_load_its_application_still_has_its_say() {
    UwsgiServer server =
        scene.server(
            MASTER.replace("app.py", "missing.py")
                + "need-app = true\nhook-asap = sentry:message=about to fail\n");
    server.launch();
    assertThat(server.awaitEnd()).isNotZero();
    scene.awaitEvent("about to fail");
    scene.state().awaitNoAgent();
  }

  /**
   * Waits until all that was answered arrived, and looks whether anything came twice or from
   * nowhere.
   */
  private void awaitAll(Load... loads) {
    Set<String> missing = new HashSet<>();
    Set<String> sent = new HashSet<>();
    for (Load load : loads) {
      load.answered().forEach(query -> missing.add("event " + query));
      load.sent().forEach(query -> sent.add("event " + query));
    }
    await("all events of answered requests")
        .untilAsserted(
            () -> {
              scene.receiver().events().forEach(e -> missing.remove(Events.message(e)));
              assertThat(missing).isEmpty();
            });
    List<String> arrived = scene.receiver().events().stream().map(Events::message).toList();
    assertThat(arrived).doesNotHaveDuplicates();
    assertThat(sent).containsAll(arrived);
  }

  /** A file that the agent takes away meanwhile is nobody's. */
  private List<String> filesNotOf(String user, Path tree) throws Exception {
    Process find =
        scene
            .command("find", tree.toString(), "-ignore_readdir_race", "!", "-user", user)
            .redirectErrorStream(true)
            .start();
    List<String> found = find.inputReader().lines().toList();
    assertThat(find.waitFor()).as("%s", found).isZero();
    return found;
  }

  private static Http.Response get(int port, String path) {
    try {
      return Http.get(port, path);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}

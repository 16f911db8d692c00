package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A hook writes one record in whatever phase and process it runs. No agent runs, so that the
 * journal keeps them.
 */
class HookTest {
  private static final String HOOKS =
      """
      hook-asap = sentry:message=asap
      hook-pre-jail = sentry:message=pre-jail
      hook-in-jail = sentry:message=in-jail
      hook-as-root = sentry:message=as-root
      hook-as-user = sentry:message=as-user
      hook-pre-app = sentry:message=pre-app
      hook-post-app = sentry:message=post-app
      hook-post-fork = sentry:message=post-fork
      hook-accepting = sentry:message=accepting
      hook-accepting-once = sentry:message=accepting-once
      hook-accepting1 = sentry:message=accepting1
      hook-accepting1-once = sentry:message=accepting1-once
      hook-as-user-atexit = sentry:message=as-user-atexit
      """;

  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,http,sentry
      wsgi-file = ${apps}/app.py
      sentry-agent = external
      sentry-dsn = ${dsn}
      """
          + HOOKS;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void every_phase_of_a_server_with_a_master_is_written_by_its_process() throws IOException {
    Path touched = scene.file("touched", "");
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                http = 127.0.0.1:${port}
                master = true
                workers = 2
                mules = 1
                hook-master-start = sentry:message=master-start
                hook-as-mule = sentry:message=as-mule
                hook-as-gateway = sentry:message=as-gateway
                hook-touch = ${dir}/touched sentry:message=touch
                """);
    server.start();
    awaitHook("hook-master-start", ProcessKind.MASTER, 1);
    assertThat(server.get("/ok").status()).isEqualTo(200);
    Files.setLastModifiedTime(
        touched, java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() + 5000));
    awaitHook("hook-touch", ProcessKind.MASTER, 1);

    for (String phase : List.of("asap", "pre-jail", "in-jail", "pre-app", "post-app")) {
      awaitHook("hook-" + phase, ProcessKind.MASTER, 1);
    }
    for (String phase : List.of("post-fork", "accepting", "accepting-once")) {
      assertThat(awaitHook("hook-" + phase, ProcessKind.WORKER, 2))
          .extracting(Record::worker)
          .containsExactlyInAnyOrder(1, 2);
    }
    for (String phase : List.of("accepting1", "accepting1-once")) {
      assertThat(awaitHook("hook-" + phase, ProcessKind.WORKER, 1).get(0).worker()).isEqualTo(1);
    }
    assertThat(awaitHook("hook-as-mule", ProcessKind.MULE, 1).get(0).worker()).isEqualTo(1);
    awaitHook("hook-as-gateway", ProcessKind.GATEWAY, 1);

    assertThat(server.stop()).isZero();
    awaitHook("hook-as-user-atexit", ProcessKind.MASTER, 1);
  }

  @Test
  void hooks_before_and_after_the_loss_of_root_are_written() {
    assumeTrue(Processes.root(), "needs root: uid and gid");
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                http-socket = 127.0.0.1:${port}
                master = true
                uid = www-data
                gid = www-data
                """);
    server.start();
    awaitHook("hook-accepting1-once", ProcessKind.WORKER, 1);
    assertThat(server.stop()).isZero();
    for (String phase :
        List.of("asap", "pre-jail", "in-jail", "as-root", "as-user", "as-user-atexit")) {
      assertThat(awaitHook("hook-" + phase, ProcessKind.MASTER, 1)).hasSize(1);
    }
  }

  @Test
  void hooks_of_a_server_without_a_master_are_written_by_the_one_process() {
    UwsgiServer server = scene.server(SERVER + "http-socket = 127.0.0.1:${port}\n").start();
    awaitHook("hook-asap", ProcessKind.STANDALONE, 1);
    // The "once" ones do not run there: uWSGI counts the starts of a worker in its master.
    Record ready = awaitHook("hook-accepting1", ProcessKind.STANDALONE, 1).get(0);
    assertThat(ready.pid()).isEqualTo(server.masterPid());
    assertThat(server.log()).doesNotContain("spawned uWSGI master");
  }

  @Test
  void hooks_run_again_on_a_reload() {
    UwsgiServer server =
        scene.server(SERVER + "http-socket = 127.0.0.1:${port}\nmaster = true\n").start();
    awaitHook("hook-accepting1-once", ProcessKind.WORKER, 1);
    server.reload();
    awaitHook("hook-asap", ProcessKind.MASTER, 2);
    awaitHook("hook-as-user-atexit", ProcessKind.MASTER, 1);
    awaitHook("hook-accepting1-once", ProcessKind.WORKER, 2);
    assertThat(server.get("/ok").status()).isEqualTo(200);
  }

  @Test
  void the_options_of_a_hook_that_runs_twice_stay_as_written() {
    Path touched = scene.file("touched", "");
    UwsgiServer server =
        scene.server(
            SERVER
                + """
                http-socket = 127.0.0.1:${port}
                master = true
                hook-touch = ${dir}/touched sentry:message=a\\,b,level=info,tags=x:1;y:2
                """);
    server.start();
    awaitHook("hook-accepting1-once", ProcessKind.WORKER, 1);
    for (int i = 1; i <= 2; i++) {
      int times = i;
      await()
          .until(
              () -> {
                Files.setLastModifiedTime(
                    touched,
                    java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() + 5000));
                return scene.state().recordsOf("hook-touch").size() >= times;
              });
    }
    assertThat(scene.state().recordsOf("hook-touch"))
        .extracting(r -> r.fields().text("options"))
        .containsOnly("message=a\\,b,level=info,tags=x:1;y:2");
  }

  @Test
  void an_emperor_and_its_vassal_write_their_hooks() throws IOException {
    scene.define("vassal-port", Scene.freePort());
    Path vassal =
        scene.file(
            "vassals/shop.ini",
            """
            [uwsgi]
            plugins = python3,sentry
            http-socket = 127.0.0.1:${vassal-port}
            wsgi-file = ${apps}/app.py
            master = true
            sentry-agent = external
            sentry-dir = ${state}
            hook-accepting1-once = sentry:message=vassal is ready
            hook-emperor-stop = sentry:message=emperor stops me
            hook-emperor-reload = sentry:message=emperor reloads me
            """);
    UwsgiServer emperor =
        scene.server(
            """
            [uwsgi]
            plugin = sentry
            emperor = ${dir}/vassals
            emperor-freq = 1
            sentry-agent = external
            sentry-dir = ${state}
            hook-emperor-start = sentry:message=the emperor starts
            hook-as-emperor = sentry:message=this is the emperor
            hook-as-vassal = sentry:message=about to be a vassal
            """);
    emperor.startUntil("spawned uWSGI worker 1");
    awaitHook("hook-emperor-start", ProcessKind.EMPEROR, 1);
    awaitHook("hook-as-emperor", ProcessKind.EMPEROR, 1);
    awaitHook("hook-as-vassal", ProcessKind.VASSAL, 1);
    Record ready = awaitHook("hook-accepting1-once", ProcessKind.WORKER, 1).get(0);
    assertThat(ready.instance()).isEqualTo("shop");
    Files.setLastModifiedTime(
        vassal, java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() + 5000));
    awaitHook("hook-emperor-reload", ProcessKind.MASTER, 1);
    awaitHook("hook-accepting1-once", ProcessKind.WORKER, 2);
    Files.delete(vassal);
    awaitHook("hook-emperor-stop", ProcessKind.MASTER, 1);
  }

  private List<Record> awaitHook(String handler, ProcessKind process, int n) {
    return scene
        .state()
        .awaitRecords(
            n,
            handler + " by " + process,
            r -> r.kind() == Kind.HOOK && r.handler().equals(handler) && r.process() == process);
  }
}

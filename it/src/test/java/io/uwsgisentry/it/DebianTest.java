package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Debian's package {@code uwsgi} as it is: its init script, its {@code default.ini}, an application
 * in {@code /etc/uwsgi/apps-enabled}. All that it writes is in a mount namespace of its own, so the
 * machine stays as it was.
 */
class DebianTest {
  private static final Path INIT = Path.of("/etc/init.d/uwsgi");

  /** Nothing of what Debian's {@code default.ini} says: uid, gid, socket, two workers. */
  private static final String SITE =
      """
      [uwsgi]
      plugins-dir = ${plugins}
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master-fifo = ${dir}/fifo
      touch-reload = ${dir}/touched
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-fold = 0
      sentry-drain = 30
      route = ^/event sentry:message=event ${QUERY_STRING},level=info,timeout=60
      """;

  @RegisterExtension final Scene scene = new Scene();

  private int port;

  @BeforeEach
  void aPrivateEtcRunAndLog() throws Exception {
    assumeTrue(Processes.root(), "needs root: Debian's init script starts uWSGI as root");
    assumeTrue(Files.isExecutable(INIT), "needs Debian's package uwsgi: " + INIT);
    port = Scene.freePort();
    scene.define("port", port).define("plugins", Installation.ofThisRun().plugins());
    scene.file("touched", "");
    scene.file("log/none", "");
    scene.file("run/none", "");
    scene.file(
        "in",
        """
        set -e
        mount -t tmpfs tmpfs /run
        mount -t tmpfs tmpfs /var/log
        mount -t tmpfs tmpfs /etc/uwsgi
        mkdir -p /run/uwsgi /var/log/uwsgi/app /etc/uwsgi/apps-enabled
        mount --bind ${dir}/run /run/uwsgi
        mount --bind ${dir}/log /var/log/uwsgi/app
        cp ${dir}/site.ini /etc/uwsgi/apps-enabled/site.ini
        exec "$@"
        """);
    assumeTrue(
        scene.command("unshare", "-m", "true").start().waitFor() == 0,
        "needs the right to mount: an /etc/uwsgi of its own");
  }

  @Test
  void a_server_started_by_its_init_script_reports_reloads_and_stops() throws Exception {
    start(SITE);

    assertThat(get("/event?before").status()).isEqualTo(200);
    scene.awaitEvent("event before");

    long agent = scene.state().awaitAgent();
    assertThat(Processes.uid(agent)).isEqualTo(Processes.uid(worker())).isNotZero();
    assertThat(log()).doesNotContain("throttling", "the agent does not run");
    int from = log().length();
    inside(INIT + " reload");
    await().until(() -> log().substring(from).contains("spawned uWSGI worker 1"));
    assertThat(get("/event?after").status()).isEqualTo(200);
    scene.awaitEvent("event after");

    inside(INIT + " stop");
    scene.state().awaitNoAgent();
  }

  @ParameterizedTest
  @ValueSource(strings = {"HUP", "touch", "fifo"})
  void no_reload_of_it_cuts_a_request(String way) throws Exception {
    start(SITE);
    get("/ok");
    for (int i = 0; i < 2; i++) {
      CompletableFuture<Http.Response> slow =
          CompletableFuture.supplyAsync(() -> get("/sleep?s=2"), task -> new Thread(task).start());
      await("a request under way").until(() -> Http.openConnections(port) > 0);
      int from = log().length();
      switch (way) {
        case "HUP" -> inside(INIT + " reload");
        case "touch" -> touchUntilSeen(from);
        default -> {
          await("the fifo").until(() -> Files.exists(scene.directory().resolve("fifo")));
          scene.command("sh", "-c", "echo r >" + scene.directory() + "/fifo").start().waitFor();
        }
      }
      assertThat(slow.join()).isEqualTo(new Http.Response(200, "ok\n"));
      await().until(() -> log().substring(from).contains("spawned uWSGI worker 1"));
      assertThat(log()).doesNotContain("brutally");
    }
  }

  /**
   * uWSGI compares whole seconds with those that it saw as its master began, which may be later
   * than its first answer: the file becomes newer until that is noticed.
   */
  private void touchUntilSeen(int from) throws IOException {
    Path file = scene.directory().resolve("touched");
    long before = Files.getLastModifiedTime(file).toInstant().getEpochSecond();
    AtomicLong time = new AtomicLong(Math.max(before, Instant.now().getEpochSecond()));
    await("uWSGI to see that the file was touched")
        .until(
            () -> {
              Files.setLastModifiedTime(
                  file, FileTime.from(Instant.ofEpochSecond(time.addAndGet(2))));
              return log().substring(from).contains("touched");
            });
  }

  /**
   * When uWSGI gives root up, in each of the ways that it knows; the last two keep it, in the
   * master or at all.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "drop-after-init = true",
        "drop-after-apps = true",
        "cap = setgid,setuid",
        "master-as-root = true",
        "uid = root\ngid = root"
      })
  void whenever_root_is_given_up_the_agent_runs_as_the_workers_do(String how) throws Exception {
    start(SITE + how + "\n");
    assertThat(get("/event?a").status()).isEqualTo(200);
    scene.awaitEvent("event a");
    assertThat(Processes.uid(scene.state().awaitAgent())).isEqualTo(Processes.uid(worker()));
    Process others =
        scene
            .command(
                "find",
                scene.state().path().toString(),
                "-ignore_readdir_race",
                "!",
                "-uid",
                Long.toString(Processes.uid(worker())))
            .start();
    assertThat(others.inputReader().lines()).isEmpty();
    assertThat(log()).doesNotContain("the agent does not run", "brutally", "throttling");
  }

  private void start(String site) throws Exception {
    scene.file("site.ini", site);
    Process started =
        scene
            .command("unshare", "-m", "sh", scene.directory() + "/in", INIT.toString(), "start")
            .redirectErrorStream(true)
            .redirectOutput(scene.directory().resolve("started").toFile())
            .start();
    assertThat(started.waitFor())
        .as(() -> text(scene.directory().resolve("started")) + log())
        .isZero();
    await()
        .atMost(Patience.SOON)
        .until(() -> log().contains("spawned uWSGI worker 2") && Http.listens(port));
  }

  /** In the namespace of the server. */
  private void inside(String command) throws Exception {
    Process process =
        scene
            .command("nsenter", "-m", "-t", Long.toString(master()), "sh", "-c", command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor()).as(command).isZero();
  }

  private long master() {
    return Long.parseLong(text(scene.directory().resolve("run/app/site/pid")).strip());
  }

  private long worker() {
    return Processes.children(master()).stream()
        .filter(pid -> log().contains("spawned uWSGI worker 1 (pid: " + pid + ","))
        .findFirst()
        .orElseThrow();
  }

  private String log() {
    return text(scene.directory().resolve("log/site.log"));
  }

  private static String text(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private Http.Response get(String path) {
    try {
      return Http.get(port, path);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(path, e);
    }
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Children that die between the plugin's look and uWSGI's, which collects them: the plugin finds
 * another in their place.
 *
 * <p>That gap is a few microseconds wide. A library that is loaded before all others makes it as
 * wide as it takes: while there is a file {@code gap}, what the master kills lives on until the
 * master asks who is dead, and that answer waits until somebody is.
 */
class CaptureCollectedTest {
  private static final String SERVER = CaptureExceptionTest.SERVER;

  private static final String GAP =
      """
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <signal.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <sys/wait.h>
      #include <unistd.h>

      static pid_t condemned;

      int kill(pid_t pid, int signal) {
        int (*real)(pid_t, int) = (int (*)(pid_t, int)) dlsym(RTLD_NEXT, "kill");
        if (signal != SIGKILL || access(getenv("GAP"), F_OK)) return real(pid, signal);
        condemned = pid;
        return 0;
      }

      pid_t waitpid(pid_t pid, int *status, int options) {
        pid_t (*real)(pid_t, int *, int) = (pid_t (*)(pid_t, int *, int)) dlsym(RTLD_NEXT, "waitpid");
        siginfo_t who;
        if (pid == -1 && options == WNOHANG && !access(getenv("GAP"), F_OK)) {
          char there[4096];
          snprintf(there, sizeof(there), "%s.there", getenv("GAP"));
          FILE *file = fopen(there, "w");
          if (file) fclose(file);
          int (*now)(pid_t, int) = (int (*)(pid_t, int)) dlsym(RTLD_NEXT, "kill");
          if (condemned) now(condemned, SIGKILL);
          if (condemned || !getenv("GAP_KILLS")) {
            while (waitid(P_ALL, 0, &who, WEXITED | WNOWAIT)) ;
            unlink(getenv("GAP"));
          }
          condemned = 0;
        }
        return real(pid, status, options);
      }
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private Path gap;
  private Path library;

  @BeforeEach
  void compile() throws Exception {
    gap = scene.directory().resolve("gap");
    library = scene.directory().resolve("gap.so");
    String source = scene.file("gap.c", GAP).toString();
    Process compiler =
        scene
            .command(
                "sh", "-c", "cc -shared -fPIC -o \"$1\" \"$2\" -ldl", "cc", library + "", source)
            .inheritIO()
            .start();
    assumeTrue(compiler.waitFor() == 0, "needs a C compiler");
  }

  @Test
  void a_worker_that_was_to_end_is_no_event() {
    UwsgiServer server =
        started(scene.quietServer(SERVER + "max-requests = 1\nmin-worker-lifetime = 0\n"));
    inTheGap();
    server.get("/ok");
    server.awaitLog("Respawned uWSGI worker 1");
    scene.noEventOf(server);
  }

  @Test
  void a_worker_that_was_sent_away_is_no_event() {
    UwsgiServer server = started(scene.quietServer(SERVER));
    server.get("/ok");
    inTheGap();
    Processes.signal(server.workerPid(1), "HUP");
    server.awaitLog("Respawned uWSGI worker 1");
    scene.noEventOf(server);
  }

  @Test
  void a_worker_that_exited_died_of_the_code_that_it_said() {
    UwsgiServer server = started(scene.server(SERVER.replace("captured", "app")));
    inTheGap();
    assertThat(server.get("/quit?code=3").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionValue(event)).isEqualTo("worker exited with code 3");
    assertThat(event).as("its successor has none").doesNotContainKey("request");
  }

  @Test
  void a_worker_that_was_reloaded_for_its_exception_is_told_by_the_exception_alone() {
    UwsgiServer server = started(scene.server(SERVER + "reload-on-exception = true\n"));
    inTheGap();
    server.get("/reserve");
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.functions(scene.onlyEventOf(server)))
        .containsExactly("application", "reserve");
  }

  @Test
  void a_worker_that_was_killed_by_harakiri_is_told_by_that_alone() {
    UwsgiServer server = started(killedInTheGap(scene.server(SERVER + "harakiri = 2\n")));
    assertThat(server.get("/wait?60").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");
    assertThat(Events.tags(scene.onlyEventOf(server))).containsEntry("uwsgi.kind", "harakiri");
  }

  @Test
  void a_worker_that_exits_in_a_crash_is_told_with_its_frames() {
    UwsgiServer server = started(scene.server(SERVER));
    inTheGap();
    server.get("/segv");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("SIGSEGV in _ctypes");
    assertThat(Events.functions(event)).contains("_PyEval_EvalFrameDefault");
  }

  @Test
  void of_a_worker_that_was_killed_it_is_told_that_it_died_but_not_with_the_requests_of_the_next() {
    UwsgiServer server = started(scene.server(SERVER));
    inTheGap();
    Processes.signal(server.workerPid(1), "KILL");
    server.awaitLog("Respawned uWSGI worker 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("UnexpectedDeath");
    assertThat(event).doesNotContainKeys("request", "transaction");
    assertThat(Events.context(event, "uwsgi")).doesNotContainKey("requests_served");
  }

  @Test
  void a_mule_that_was_killed_is_told() {
    UwsgiServer server = started(scene.server(SERVER + "mule = ${apps}/mule.py\n"));
    inTheGap();
    Processes.signal(server.mulePid(), "KILL");
    server.awaitLog("OOOPS mule 1");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("UnexpectedDeath");
    assertThat(Events.context(event, "uwsgi")).containsEntry("process", "mule");
  }

  @Test
  void a_mule_that_was_killed_for_its_deadline_is_told_so() {
    scene.file(
        "stuck.py",
        """
        import os, time, uwsgi

        if os.path.exists("${dir}/stuck"):
            while True:
                uwsgi.mule_get_msg()
        open("${dir}/stuck", "w").close()
        uwsgi.set_user_harakiri(3)
        time.sleep(60)
        """);
    UwsgiServer server = started(killedInTheGap(scene.server(SERVER + "mule = ${dir}/stuck.py\n")));
    server.awaitLog("OOOPS mule 1");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("HarakiriError");
  }

  @Test
  void a_cron_that_was_killed_for_its_deadline_is_told_so() {
    String script = scene.file("endless.sh", "exec sleep 600\n").toString();
    UwsgiServer server =
        started(
            killedInTheGap(
                scene.server(SERVER + "cron2 = harakiri=1,minute=-1 sh " + script + "\n")));
    server.awaitLog("HARAKIRI ON CRON");
    assertThat(Events.exceptionType(scene.onlyEventOf(server))).isEqualTo("HarakiriError");
  }

  private UwsgiServer started(UwsgiServer server) {
    return server
        .environment("LD_PRELOAD", library.toString())
        .environment("GAP", gap.toString())
        .start();
  }

  /** The first that uWSGI kills dies in the gap; who dies before, does so at any time. */
  private UwsgiServer killedInTheGap(UwsgiServer server) {
    scene.file("gap", "");
    return server.environment("GAP_KILLS", "1");
  }

  /** Returns once the master has looked, and waits for somebody to die. */
  private void inTheGap() {
    scene.file("gap", "");
    await("the master in the gap")
        .until(() -> Files.exists(scene.directory().resolve("gap.there")));
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever keeps the agent from running costs the server nothing: uWSGI throttles nobody, no reload
 * cuts a request, the log says once why, and {@code status} can tell.
 */
class SupervisedTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      workers = 2
      stats = ${dir}/stats
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      route = ^/event sentry:message=event ${QUERY_STRING},level=info
      """;

  private static final String PLAIN_USER = "uid = www-data\ngid = www-data\n";

  @RegisterExtension final Scene scene = new Scene();

  private enum Trouble {
    NO_SHELL("", "no shell, /bin/sh: "),
    FAILING_JAVA("sentry-java = /bin/false\n", "it ended with status 1"),
    JAVA_THAT_ENDS_WELL("sentry-java = /bin/true\n", "it ended with status 0"),
    NO_SUCH_JAVA("sentry-java = no-such-java\n", "no-such-java cannot be found, install a Java"),
    NO_JAVA_AT_ALL("sentry-java = uwsgi\n", "it ended with status "),
    LITTLE_MEMORY(PLAIN_USER + "limit-as = 200\n", "it ended with status 1: "),
    LINK_FOR_RUNTIME("", "/runtime is a link: remove it"),
    FOREIGN_RUNTIME(PLAIN_USER, "/runtime belongs to uid 0");

    private final String options;
    private final String reason;

    Trouble(String options, String reason) {
      this.options = options;
      this.reason = reason;
    }
  }

  /** uWSGI closes descriptors that it does not know in a reload, and uses their numbers again. */
  @Test
  void what_a_reloaded_servers_script_says_goes_to_the_master_and_into_nothing_else()
      throws IOException {
    UwsgiServer server = scene.server(SERVER).start();
    scene.state().awaitAgent();
    server.reload();
    server.awaitLogAfter(0, "gracefully \\(RE\\)spawned uWSGI master");
    await()
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              long script = Processes.parent(scene.state().awaitAgent());
              assertThat(Processes.parent(script)).isEqualTo(server.masterPid());
              assertThat(links(script))
                  .anyMatch(link -> link.startsWith("pipe:"))
                  .noneMatch(link -> link.startsWith("socket:"));
            });
    assertThat(server.log()).doesNotContain("Bad file descriptor");
  }

  /**
   * Systemd's KillSignal=SIGQUIT reaches the agent too: no order to it, and no wish for threads.
   */
  @Test
  void a_quit_signal_to_all_processes_leaves_nothing_in_the_agents_log() {
    UwsgiServer server = scene.server(SERVER).start();
    Processes.signal(scene.state().awaitAgent(), "QUIT");
    server.get("/event?after");
    scene.awaitEvents(1);
    assertThat(scene.state().agentLog()).doesNotContain("Full thread dump");
  }

  /** Where its descriptors lead; a shell moves one while it runs a command without it. */
  private static List<String> links(long pid) throws IOException {
    List<String> links = new ArrayList<>();
    try (DirectoryStream<Path> open = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
      for (Path descriptor : open) {
        links.add(Files.readSymbolicLink(descriptor).toString());
      }
    }
    return links;
  }

  @ParameterizedTest
  @EnumSource
  void an_agent_that_cannot_run_cuts_no_request_and_is_reported_once(Trouble trouble)
      throws Exception {
    UwsgiServer server = scene.server(SERVER + trouble.options);
    prepare(trouble, server);
    server.start();
    server.awaitLog("the agent does not run: .*" + trouble.reason);
    assertThat(failure("reason=")).contains(trouble.reason);

    server.awaitIdle();
    CompletableFuture<Http.Response> slow = server.getLater("/sleep?s=2");
    server.awaitInRequest(1);
    server.reload();

    assertThat(slow.join()).isEqualTo(new Http.Response(200, "ok\n"));
    assertThat(server.log()).doesNotContain("brutally", "throttling", "spawning \"");
    await("a second start").atMost(Patience.SOON).until(() -> failure("failures=").equals("2"));
    assertThat(server.logged("the agent does not run")).as("one a start").isEqualTo(2);
  }

  @Test
  void each_failed_start_is_followed_by_a_longer_pause_until_a_reload() throws Exception {
    UwsgiServer server = scene.server(SERVER + "sentry-java = /bin/false\n").start();
    for (int i = 1; i <= 3; i++) {
      String times = "" + i;
      await("start " + i).atMost(Patience.SOON).until(() -> failure("failures=").equals(times));
      long pause = Long.parseLong(failure("next=")) - Long.parseLong(failure("at="));
      assertThat(pause).isEqualTo(5L << (i - 1));
    }
    assertThat(server.logged("the agent does not run")).isEqualTo(1);

    server.reload();

    await("the first again").atMost(Patience.SOON).until(() -> failure("failures=").equals("1"));
  }

  @Test
  void an_agent_that_serves_again_leaves_nothing_of_its_failures() throws Exception {
    UwsgiServer server = scene.server(SERVER + "sentry-java = /bin/false\n").start();
    server.awaitLog("the agent does not run");
    server.stop();
    server.mended("sentry-java = /bin/false\n", "").start();
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    scene.awaitEvent("event a");
    assertThat(scene.state().path().resolve("agent.failure")).doesNotExist();
  }

  /** As after a reload, where the agent of before has given its place to one that is starting. */
  @Test
  void what_waits_at_a_stop_before_the_agent_runs_is_delivered_after_it() {
    Path java =
        scene.file(
            "java.sh",
            """
            #!/bin/sh
            [ -e ${dir}/asked ] || { : >${dir}/asked; exec sleep 600; }
            exec java "$@"
            """);
    assertThat(java.toFile().setExecutable(true)).isTrue();
    UwsgiServer server = scene.server(SERVER + "sentry-java = " + java + "\n").start();
    await("the first Java").until(() -> Files.exists(java.resolveSibling("asked")));
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    server.stop();
    scene.awaitEvent("event a");
    scene.state().awaitNoAgent();
  }

  @Test
  void an_empty_path_is_no_trouble() {
    UwsgiServer server =
        scene.serverAsInstalled(SERVER).of(Path.of(uwsgi()), Installation.ofThisRun().plugins());
    server.environment("PATH", "").start();
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    scene.awaitEvent("event a");
  }

  private static String uwsgi() {
    Path debian = Path.of("/usr/bin/uwsgi");
    assumeTrue(Files.exists(debian), "needs the machine's uWSGI where Debian has it");
    return debian.toString();
  }

  private void prepare(Trouble trouble, UwsgiServer server) throws Exception {
    Path state = scene.state().path();
    switch (trouble) {
      case NO_SHELL -> {
        assumeTrue(Processes.root(), "needs root: a /bin/sh of its own");
        Path shell = Path.of("/bin/sh").toRealPath();
        server.through(
            "unshare",
            "-m",
            "bash",
            "-c",
            "mount --bind /etc/hostname " + shell + " && exec \"$@\"",
            "bash");
      }
      case LITTLE_MEMORY -> assumeTrue(Processes.root(), "needs root: uid and gid");
      case LINK_FOR_RUNTIME -> {
        Files.createDirectories(state);
        Files.createSymbolicLink(state.resolve("runtime"), scene.directory());
      }
      case FOREIGN_RUNTIME -> {
        assumeTrue(Processes.root(), "needs root: uid and gid");
        Files.createDirectories(state);
        assertThat(scene.command("chown", "www-data:www-data", state + "").start().waitFor())
            .isZero();
        Files.createDirectory(state.resolve("runtime"));
      }
      default -> {}
    }
  }

  /** Of the note that {@code status} reads, or nothing where there is none. */
  private String failure(String name) throws IOException {
    Path note = scene.state().path().resolve("agent.failure");
    if (!Files.exists(note)) {
      return "";
    }
    return Files.readString(note)
        .lines()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(name.length()))
        .findFirst()
        .orElse("");
  }
}

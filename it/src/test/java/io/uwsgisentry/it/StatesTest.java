package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What uWSGI, Python and libc may call of the plugin takes no state for granted: everything is
 * entered with nothing raised and with something raised, without a request, with one that was never
 * read, before there are workers, before and after Python, in every process and phase. See {@code
 * docs/uwsgi-interface.md}.
 */
@ParameterizedClass
@MethodSource("io.uwsgisentry.it.Uwsgi#each")
class StatesTest {
  private static final String PLUGINS =
      """
      [uwsgi]
      plugins = python3,http,sentry
      plugin = ${states}
      sentry-dsn = ${dsn}
      sentry-agent = external
      alarm = one sentry:level=info
      """;

  private static final String SERVER =
      PLUGINS
          + """
          http-socket = 127.0.0.1:${port}
          pythonpath = ${apps}
          module = harm
          sentry-slow-request = 1
          """;

  /** Phases of the process that becomes the master, or serves alone. */
  private static final List<String> PHASES =
      List.of(
          "asap", "pre-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app", "post-fork");

  private static final Pattern DONE =
      Pattern.compile("states: (\\S+) \\(pid \\d+\\): (\\d+) entered, (\\d+) at fault(, beside)?");

  @Parameter Uwsgi uwsgi;

  @RegisterExtension final Scene scene = new Scene();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "threads = 2\n",
        "lazy-apps = true\nenable-threads = true\n",
        "async = 2\nsingle-interpreter = true\n",
        "uid = www-data\ngid = www-data\ndrop-after-apps = true\nexception-handler = sentry:\n",
        "uid = www-data\ngid = www-data\nmaster-as-root = true\n"
      })
  void everything_comes_back_in_every_process_of_a_server(String options) throws Exception {
    assumeTrue(!options.contains("uid") || Processes.root(), "needs root: another user");
    scene.define("states", StatesPlugin.build(scene, uwsgi));
    scene.define("router", Scene.freePort());
    Files.setPosixFilePermissions(
        Files.createDirectory(scene.directory().resolve("spool")),
        PosixFilePermissions.fromString("rwxrwxrwx"));
    String server =
        SERVER
            + "master = true\nmule = true\nspooler = ${dir}/spool\nhttp = 127.0.0.1:${router}\n"
            + hooks("as-mule", "as-gateway", "master-start", "accepting", "as-user-atexit")
            + options;
    String log = logOf(server);
    assertThatAllCameBack(log, "as-mule", "as-gateway", "as-spooler", "master-start", "accepting");
    assertThatAllCameBack(log, "worker-exit", "worker-end", "mule-end", "as-user-atexit");
    assertThatAllCameBack(log, "master-end");
  }

  @Test
  void everything_comes_back_in_a_server_without_a_master() throws Exception {
    scene.define("states", StatesPlugin.build(scene, uwsgi));
    String log = logOf(SERVER + "master = false\n");
    assertThatAllCameBack(log, "worker-exit", "worker-end");
  }

  @Test
  void everything_comes_back_in_an_emperor_and_its_vassals() throws Exception {
    scene.define("states", StatesPlugin.build(scene, uwsgi));
    scene.define("vassal", Scene.freePort());
    scene.file(
        "vassals/one.ini",
        SERVER.replace("${port}", "${vassal}") + "master = true\n" + hooks("accepting"));
    UwsgiServer emperor =
        uwsgi
            .server(
                scene,
                PLUGINS
                    + "emperor = ${dir}/vassals\nmaster = true\n"
                    + hooks("emperor-start", "as-emperor", "as-vassal"))
            .start();
    emperor.awaitLog("states: accepting ");
    emperor.stop();
    assertThatAllCameBack(emperor.log(), "as-emperor", "as-vassal", "accepting");
  }

  private String logOf(String ini) throws IOException {
    UwsgiServer server = uwsgi.server(scene, ini + hooks(PHASES.toArray(String[]::new))).start();
    String worker = server.get("/").body();
    assertThat(server.get("/states").body()).isEqualTo(worker);
    // A child that is forked while another thread has the GIL waits for it for ever, with us or
    // not.
    server.awaitLog("states: fork ");
    assertThat(server.get("/").body()).isEqualTo(worker);
    server.stop();
    String log = server.log();
    assertThatAllCameBack(log, PHASES.toArray(String[]::new));
    assertThatAllCameBack(log, "request", "thread", "fork");
    assertThat(entered(log, "python")).as("entered beside Python").isGreaterThan(50);
    assertThat(log).doesNotContain("died", "Segmentation Fault");
    return log;
  }

  private static String hooks(String... phases) {
    StringBuilder text = new StringBuilder();
    for (String phase : phases) {
      text.append("hook-%s = states:%s\n".formatted(phase, phase));
    }
    return text.toString();
  }

  private static void assertThatAllCameBack(String log, String... phases) {
    for (String phase : phases) {
      assertThat(entered(log, phase)).as("entered in %s", phase).isGreaterThan(8);
    }
    assertThat(log.lines().filter(line -> line.startsWith("states: ")))
        .allSatisfy(line -> assertThat(line).contains(" entered, 0 at fault"));
  }

  private static int entered(String log, String phase) {
    Matcher done = DONE.matcher(log);
    int most = 0;
    while (done.find()) {
      if (done.group(1).equals(phase)) {
        most = Math.max(most, Integer.parseInt(done.group(2)));
      }
    }
    return most;
  }
}

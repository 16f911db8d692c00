package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Whoever stops or reloads a server may signal all of its processes and not the master alone:
 * systemd its whole control group, a terminal its foreground group, {@code tini -g} its group.
 */
class GroupSignalTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      pythonpath = ${apps}
      module = captured
      master = true
      workers = 3
      mule = true
      attach-daemon = exec sleep 1000
      stats = ${dir}/stats
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest(name = "{0} to the {1} first")
  @CsvSource({"QUIT, workers", "QUIT, master", "INT, workers", "INT, master"})
  void a_stop_that_all_processes_are_told_of_is_no_death(String signal, String first) {
    UwsgiServer server = started();
    server.awaitMaster();
    send(signal, first, server.masterPid());
    server.awaitEnd();
    scene.noEventOf(server);
  }

  @ParameterizedTest(name = "{0} to the {1} first")
  @CsvSource({"HUP, workers", "HUP, master", "TERM, workers", "TERM, master"})
  void nor_is_a_reload(String signal, String first) {
    UwsgiServer server = started();
    server.awaitMaster();
    int before = server.log().length();
    send(signal, first, server.masterPid());
    server.awaitLogAfter(before, "spawned uWSGI worker 3");
    scene.noEventOf(server);
  }

  /** An emperor, its vassals and their workers: all of them report. */
  @ParameterizedTest(name = "{0} to the {1} first")
  @CsvSource({"QUIT, workers", "QUIT, master", "INT, workers", "INT, master"})
  void nor_is_the_end_of_an_empire(String signal, String first) {
    scene.define("vassal", Scene.freePort());
    scene.file(
        "vassals/one.ini",
        Scene.quiet(SERVER.replace("${port}", "${vassal}").replace("${dir}/stats", "${dir}/one")));
    UwsgiServer emperor =
        scene
            .server("[uwsgi]\nplugin = sentry\nemperor = ${dir}/vassals\nsentry-dsn = ${dsn}\n")
            .startUntil("(?s)^(?=.*spawned uWSGI worker 3)(?=.*ready to accept requests)");
    List<Long> all = new ArrayList<>(List.of(emperor.masterPid()));
    for (int i = 0; i < all.size(); i++) {
      all.addAll(Processes.children(all.get(i)));
    }
    assertThat(all).hasSizeGreaterThan(5);
    if (first.equals("workers")) {
      Collections.reverse(all);
    }
    Processes.awaitMinding(emperor.masterPid());
    Processes.signal(all, signal);
    emperor.awaitEnd();
    scene.awaitNoAgent();
    assertThat(scene.receiver().events())
        .isNotEmpty()
        .allSatisfy(event -> assertThat(Events.message(event)).isEqualTo("the last word"));
  }

  private UwsgiServer started() {
    return scene.quietServer(SERVER).start().awaitIdle();
  }

  private static void send(String signal, String first, long master) {
    List<Long> all = new ArrayList<>(Processes.children(master));
    all.add(master);
    if (first.equals("master")) {
      Collections.reverse(all);
    }
    Processes.awaitMinding(master);
    Processes.signal(all, signal);
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A container ends with its first process, and everything in it is killed then. What happened in
 * its last second is delivered before.
 */
@Tag("process")
class ContainerEndTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("sentry-drain = 10", "sentry-drain = 20");

  @RegisterExtension final Scene scene = new Scene();

  @BeforeEach
  void aContainerCanBeMade() {
    assumeTrue(Processes.root(), "needs root: process numbers of its own");
  }

  /** A crash loop: each start is one event, which has arrived when the process has gone. */
  @ParameterizedTest(name = "master = {0}, behind {1}")
  @CsvSource({"true, nothing", "false, nothing", "true, a shell"})
  void a_start_that_fails_is_reported_before_the_end(boolean master, String init) {
    UwsgiServer server =
        contained(
            SERVER
                .replace("module = captured", "module = nowhere")
                .replace("master = true", "master = " + master),
            init.equals("nothing")
                ? new String[0]
                : new String[] {"sh", "-c", "\"$@\"; exit 1", "init"});
    for (int start = 1; start <= 2; start++) {
      server.launch();
      server.awaitEnd();
      assertThat(scene.receiver().events())
          .as("after start %d", start)
          .hasSize(start)
          .allSatisfy(
              event -> assertThat(Events.exceptionType(event)).isEqualTo("ModuleNotFoundError"));
    }
  }

  /** What an orchestrator's stop does, to a job whose agent is just starting. */
  @Test
  void a_stop_just_after_a_failure_takes_nothing_along() {
    UwsgiServer server = contained(SERVER + "die-on-term = true\nstats = ${dir}/stats\n").start();
    server.awaitMaster();
    server.get("/reserve?sku=milk");
    Processes.signal(inside(server), "TERM");
    server.awaitEnd();
    assertThat(scene.receiver().events())
        .singleElement()
        .satisfies(event -> assertThat(Events.exceptionType(event)).isEqualTo("KeyError"));
  }

  private UwsgiServer contained(String ini, String... init) {
    return scene
        .server(ini)
        .through("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
        .through(init);
  }

  /** The first process, by its number outside. */
  private static long inside(UwsgiServer server) {
    await().until(() -> Processes.children(server.masterPid()).size() == 1);
    List<Long> first = Processes.children(server.masterPid());
    Processes.awaitMinding(first.get(0));
    return first.get(0);
  }
}

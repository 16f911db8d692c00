package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Isolated;

/** The kernel kills for want of memory with the signal that anybody may send. */
@Isolated(
    "the kernel counts its kills for want of memory for the whole machine, and every other death tells of them")
class CaptureMemoryTest {
  /** The kernel kills first whoever asks for it, and an agent does. */
  private static final String SERVER =
      CaptureExceptionTest.SERVER + "sentry-agent = external\nworkers = 1\n";

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void
      what_the_kernel_killed_for_want_of_memory_is_one_fault_and_what_was_killed_otherwise_another() {
    UwsgiServer server = scene.server(SERVER).through(MemoryLimit.of(scene, 100).words()).start();
    boolean[] forWantOfMemory = {false, true, true, false};
    for (int i = 0; i < forWantOfMemory.length; i++) {
      if (forWantOfMemory[i]) {
        server.get("/grow");
      } else {
        Processes.signal(server.workerPid(1), "KILL");
      }
      scene.state().awaitRecords(i + 1, "deaths", r -> r.kind() == Kind.DEATH);
      server.awaitLog("(?s)(Respawned uWSGI worker 1.*){" + (i + 1) + "}");
    }

    List<Record> deaths =
        scene.state().records().stream().filter(r -> r.kind() == Kind.DEATH).toList();
    assertThat(deaths)
        .extracting(r -> r.fields().pairs("death").containsKey("oom_kills"))
        .containsExactly(false, true, true, false);
    assertThat(deaths.get(3).foldKey()).isEqualTo(deaths.get(0).foldKey());
    assertThat(deaths.get(2).foldKey()).isEqualTo(deaths.get(1).foldKey());
    assertThat(deaths.get(1).foldKey()).isNotEqualTo(deaths.get(0).foldKey());
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Of several requests that a killed worker had, the oldest is the one that took too long. */
class CaptureOldestTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER + "sentry-agent = external\nthreads = 3\nharakiri = 3\n";

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_kill_is_one_fault_with_another_of_the_same_oldest_request() {
    UwsgiServer server = scene.server(SERVER).start();
    assertThat(server.get("/wait?60").status()).isZero();
    server.awaitLog("Respawned uWSGI worker 1");

    int before = server.log().length();
    CompletableFuture<Http.Response> oldest = server.getLater("/wait?60");
    server.awaitLogAfter(before, "waiting");
    CompletableFuture<Http.Response> later = server.getLater("/spin?60");
    assertThat(oldest.join().status()).isZero();
    assertThat(later.join().status()).isZero();

    List<Record> kills =
        scene.state().awaitRecords(2, "kills", record -> record.kind() == Kind.HARAKIRI);
    assertThat(kills.get(1).foldKey()).isEqualTo(kills.get(0).foldKey());
  }
}

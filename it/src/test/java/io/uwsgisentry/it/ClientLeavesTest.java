package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Clients that leave in the middle of an answer. With {@code disable-write-exception} uWSGI calls
 * that an exception and raises none.
 */
@ParameterizedClass
@MethodSource("io.uwsgisentry.it.Uwsgi#each")
class ClientLeavesTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured", "module = harm")
          + "disable-write-exception = true\n";

  private static final int CLIENTS = 5;

  @Parameter Uwsgi uwsgi;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "threads = 4\n",
        "single-interpreter = true\nignore-sigpipe = true\n",
        "exception-handler = sentry:\n"
      })
  void a_worker_serves_on_and_nothing_is_reported_where_nothing_was_raised(String options)
      throws IOException {
    UwsgiServer server = uwsgi.server(scene, Scene.quiet(SERVER + options)).start();
    String worker = server.get("/").body();
    for (int client = 1; client <= CLIENTS; client++) {
      Http.leave(server.port(), "/endless");
      server.awaitLog("(?s)(uwsgi_response_write_body_do\\(\\): .*){" + client + "}");
      assertThat(server.get("/").body()).as("process after client %d", client).isEqualTo(worker);
    }
    scene.noEventOf(server);
    assertThat(server.log()).doesNotContain("Segmentation Fault", "died");
  }
}

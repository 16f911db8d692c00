package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A worker that is told to go and crashes then. Python 3.11 and later abort in the end of each
 * process that had a second interpreter, as uWSGI makes one for each further {@code mount}.
 */
class LeavingTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${dir}/leaving.py
      master = true
      workers = 2
      stats = ${dir}/stats
      sentry-dsn = ${dsn}
      """;

  private static final String APP =
      """
      import atexit, os, sys, time
      import uwsgi

      def at_its_end():
          print("aborts at its end", file=sys.stderr, flush=True)
          os.abort()

      uwsgi.post_fork_hook = lambda: atexit.register(at_its_end)

      def application(environ, start):
          if environ["PATH_INFO"] == "/hold":
              open("${dir}/held", "w").close()
              while not os.path.exists("${dir}/go"):
                  time.sleep(0.01)
              os.abort()
          start("200 OK", [])
          return [b"fine"]
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @Test
  void a_worker_that_aborts_in_its_orderly_end_is_no_death() {
    scene.file("leaving.py", APP);
    UwsgiServer server = scene.quietServer(SERVER).start().awaitIdle();
    int before = server.log().length();
    server.signal("HUP");
    server.awaitLogAfter(before, "spawned uWSGI worker 2");
    scene.noEventOf(server);
    assertThat(server.logged("aborts at its end")).isEqualTo(4);
  }

  @Test
  void one_that_aborts_in_its_last_request_is() throws IOException {
    scene.file("leaving.py", APP);
    UwsgiServer server = scene.server(SERVER).start().awaitIdle();
    server.getLater("/hold");
    Path held = scene.directory().resolve("held");
    await().atMost(Patience.SOON).until(() -> Files.exists(held));
    int before = server.log().length();
    server.signal("HUP");
    server.awaitLogAfter(before, "Gracefully killing worker");
    Files.createFile(scene.directory().resolve("go"));
    scene.awaitEvent("its abort", e -> e.toString().contains("SIGABRT") && at(e).contains("/hold"));
  }

  private static String at(Map<String, Object> event) {
    return String.valueOf(event.get("request"));
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.testkit.Patience;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Of what stacks are taken, and how the copy of the process in which that is done behaves. */
class CaptureStackTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER + "sentry-agent = external\nsocket-timeout = 60\n";

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void no_stack_is_taken_while_a_client_still_sends_its_headers() throws Exception {
    UwsgiServer server = scene.server(SERVER + "sentry-slow-request = 0.3\n").start();
    long complete;
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      OutputStream out = client.getOutputStream();
      out.write("GET / HTTP/1.0\r\nA: b\r\n".getBytes(StandardCharsets.ISO_8859_1));
      out.flush();
      long began = System.nanoTime();
      await().until(() -> System.nanoTime() - began > Duration.ofSeconds(2).toNanos());
      complete = System.currentTimeMillis() * 1000;
      out.write("\r\n".getBytes(StandardCharsets.ISO_8859_1));
      out.flush();
      client.setSoTimeout((int) Patience.LONG.toMillis());
      InputStream in = client.getInputStream();
      assertThat(new String(in.readAllBytes(), StandardCharsets.ISO_8859_1)).contains(" 200 ");
    }
    Record slow = scene.state().awaitRecord("the slow request", r -> r.kind() == Kind.SLOW);
    String taken = slow.fields().text("stack.taken");
    assertThat(taken == null ? complete : Long.parseLong(taken)).isGreaterThanOrEqualTo(complete);
  }

  @Test
  void a_kill_that_the_application_asked_for_shows_the_line_however_early_it_comes() {
    scene.file(
        "own.py",
        """
        import time, uwsgi

        def application(environ, start_response):
            uwsgi.set_user_harakiri(3)
            time.sleep(600)
        """);
    UwsgiServer server =
        scene
            .server(
                SERVER.replace("module = captured", "module = own\npythonpath = ${dir}")
                    + "sentry-slow-request = 300\n")
            .start();
    assertThat(server.get("/").status()).isZero();
    Record killed = scene.state().awaitRecord("the kill", r -> r.kind() == Kind.HARAKIRI);
    assertThat(killed.fields().text("stack")).contains("own.py", "in application");
  }

  /** The function that writes the stacks is replaced by one that writes what the kernel is told. */
  @Test
  void the_copy_asks_to_be_killed_before_its_worker_where_memory_is_short() throws Exception {
    String library =
        Preloaded.library(
            scene,
            "told",
            """
        #include <fcntl.h>
        #include <unistd.h>

        const char *_Py_DumpTracebackThreads(int fd, void *interpreter, void *current) {
          char text[32];
          int from = open("/proc/self/oom_score_adj", O_RDONLY);
          ssize_t n = read(from, text, sizeof(text));
          return n > 0 && write(fd, text, n) == n ? 0 : "failed";
        }
        """);
    UwsgiServer server =
        scene
            .server(SERVER + "sentry-slow-request = 0.5\n")
            .environment("LD_PRELOAD", library)
            .start();
    assertThat(server.get("/wait?4").status()).isEqualTo(200);
    Record slow = scene.state().awaitRecord("the slow request", r -> r.kind() == Kind.SLOW);
    assertThat(slow.fields().text("stack")).isEqualTo("1000\n");
  }
}

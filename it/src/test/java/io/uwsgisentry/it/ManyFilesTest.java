package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Container runtimes that allow a billion open files, each of which uWSGI closes for a daemon. */
class ManyFilesTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      """;

  private static final String SENTENCE = "open files are allowed: uWSGI closes each";

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void the_log_says_at_the_start_what_they_cost_an_agent() throws Exception {
    scene.file(
        "many.c",
        """
        #define _GNU_SOURCE
        #include <sys/resource.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        int getrlimit64(__rlimit_resource_t which, struct rlimit64 *limit) {
          if (which == RLIMIT_NOFILE) limit->rlim_cur = limit->rlim_max = 4000001;
          return which == RLIMIT_NOFILE ? 0 : (int) syscall(SYS_prlimit64, 0, which, 0, limit);
        }
        """);
    String library = scene.directory().resolve("many.so").toString();
    int compiled =
        scene
            .command("cc", "-shared", "-fPIC", "-o", library, scene.directory() + "/many.c")
            .start()
            .waitFor();
    assumeTrue(compiled == 0, "needs a C compiler");

    UwsgiServer server = scene.server(SERVER).environment("LD_PRELOAD", library).start();

    assertThat(server.log()).containsOnlyOnce("4000001 " + SENTENCE);
  }

  @Test
  void nothing_is_said_of_a_usual_number() {
    UwsgiServer server = scene.server(SERVER).start();
    assertThat(server.log()).doesNotContain(SENTENCE);
  }
}

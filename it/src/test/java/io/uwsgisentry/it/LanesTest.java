package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** {@code sentry-max-requests} on its way from the ini to what a server sees of it. */
class LanesTest {
  private static final int PROJECTS = 6;
  private static final int EACH = 4;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void never_more_requests_are_under_way_than_the_ini_says() {
    StringBuilder ini =
        new StringBuilder(
            """
            [uwsgi]
            plugins = python3,sentry
            http-socket = 127.0.0.1:${port}
            wsgi-file = ${apps}/app.py
            master = true
            sentry-dir = ${state}
            sentry-fold = 0
            sentry-max-requests = 3
            """);
    for (int i = 1; i <= PROJECTS; i++) {
      scene.define("dsn" + i, scene.receiver().dsn("" + i));
      ini.append("route = ^/to" + i + " sentry:dsn=${dsn" + i + "},message=m,timeout=60\n");
    }
    UwsgiServer server = scene.server(ini.toString()).start();
    // A lane that has taken one may have several under way.
    toEach(server, 1);
    scene.awaitEvents(PROJECTS);
    CountDownLatch open = new CountDownLatch(1);
    try {
      scene.receiver().behave(slow(open));
      toEach(server, EACH);
      await()
          .atMost(Patience.SOON)
          .until(
              () -> scene.state().agentLog(),
              log -> log.contains("more destinations wait than 3 requests at once can serve"));
      scene.receiver().awaitRequests(PROJECTS + 3, Patience.SOON);
    } finally {
      open.countDown();
    }
    scene.awaitEvents(PROJECTS + PROJECTS * EACH);
    assertThat(scene.receiver().mostInFlight()).isEqualTo(3);
  }

  private static void toEach(UwsgiServer server, int times) {
    for (int i = 1; i <= PROJECTS; i++) {
      for (int n = 0; n < times; n++) {
        assertThat(server.get("/to" + i).status()).isEqualTo(200);
      }
    }
  }

  /** Answers nobody before it opens. */
  private static Behaviour slow(CountDownLatch open) {
    return request -> {
      try {
        open.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return Behaviour.answer(200, Map.of(), "{}");
    };
  }
}

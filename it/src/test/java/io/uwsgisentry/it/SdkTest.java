package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.testkit.Patience;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Beside a Sentry SDK in the application each incident is reported once, by the one or the other.
 */
class SdkTest {
  /** A thousand in soak, of five kinds. */
  private static final int OF_A_KIND = Integer.getInteger("sdk.incidents", 20) / 5;

  private static final String APPLICATION =
      """
      import os, threading, time
      import sentry_sdk
      sentry_sdk.init(dsn="${dsn}")

      def fail(name):
          raise ValueError(name)

      def application(environ, start_response):
          kind, name = environ["PATH_INFO"][1:], environ["QUERY_STRING"]
          if kind == "raise":
              try:
                  fail(name)
              except ValueError:
                  sentry_sdk.capture_exception()
                  raise
          if kind == "thread":
              thread = threading.Thread(target=fail, args=(name,))
              thread.start()
              thread.join()
          if kind == "slow":
              time.sleep(0.3)
          if kind == "die":
              os.kill(os.getpid(), 9)
          if kind == "fail":
              start_response("503 Service Unavailable", [])
              return [b"closed"]
          start_response("200 OK", [])
          return [b"well"]
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  /** A thousand wait for uWSGI, which starts no worker twice within two seconds. */
  @Test
  @Timeout(value = 20, unit = TimeUnit.MINUTES)
  void each_incident_of_five_kinds_is_reported_once() {
    assumeTrue(Installation.hasPython("sentry_sdk"), "needs Python's sentry_sdk");
    scene.file("with_sdk.py", APPLICATION);
    UwsgiServer server =
        scene
            .server(
                """
                [uwsgi]
                plugins = python3,sentry
                http-socket = 127.0.0.1:${port}
                pythonpath = ${dir}
                module = with_sdk
                enable-threads = true
                master = true
                sentry-dsn = ${dsn}
                sentry-slow-request = 0.2
                """)
            .start();
    for (int i = 0; i < OF_A_KIND; i++) {
      for (String kind : List.of("raise", "thread", "slow", "fail")) {
        server.get("/" + kind + "?" + kind + i + "-");
      }
      // It sends in a thread of its own, and what dies takes along what was not sent.
      long sent = 2L * (i + 1);
      await("the SDK's own events").atMost(Patience.LONG).until(() -> ofTheSdk() >= sent);
      server.get("/die?die" + i + "-");
    }
    // Of what dies as the server stops nothing is said.
    assertThat(server.get("/").status()).isEqualTo(200);
    server.stop();
    scene.awaitNoAgent();
    List<Map<String, Object>> ours =
        scene.receiver().events().stream()
            .filter(event -> Events.tags(event).containsKey("uwsgi.kind"))
            .filter(event -> !isSlowByChance(event))
            .toList();
    for (String kind : List.of("slow", "failed", "death")) {
      assertThat(
              Events.sum(
                  ours.stream()
                      .filter(e -> kind.equals(Events.tags(e).get("uwsgi.kind")))
                      .toList()))
          .as(kind)
          .isEqualTo(OF_A_KIND);
    }
    assertThat(Events.sum(ours)).isEqualTo(3L * OF_A_KIND);
    assertThat(ofTheSdk()).isEqualTo(2L * OF_A_KIND);
  }

  /** On a busy machine any request may take long, and is then reported, too. */
  private static boolean isSlowByChance(Map<String, Object> event) {
    return "slow".equals(Events.tags(event).get("uwsgi.kind"))
        && !"GET /slow".equals(event.get("transaction"));
  }

  private long ofTheSdk() {
    return scene.receiver().accepted().stream()
        .filter(sent -> sent.path().endsWith("/store/"))
        .count();
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Isolated;

/** Many equal incidents are a handful of events, with the exact count in them. */
@Isolated("loads the machine")
class StormTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      workers = 2
      listen = 100
      disable-logging = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-drain = 30
      stats = ${dir}/stats-${port}
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_hundred_thousand_exceptions_of_two_servers_are_a_handful_of_events() throws Exception {
    UwsgiServer shop = scene.server(SERVER + "sentry-instance = shop\n").start();
    UwsgiServer api = scene.server(SERVER + "sentry-instance = api\n").start();
    long raised;
    do {
      List<Process> storms = List.of(wrk(shop), wrk(api));
      for (Process storm : storms) {
        storm.getInputStream().readAllBytes();
        assertThat(storm.waitFor()).isZero();
      }
      // A client that leaves leaves requests behind that the server has accepted and still serves.
      raised = shop.awaitIdle().stats().served() + api.awaitIdle().stats().served();
    } while (raised < 100_000);
    long all = raised;
    await("all of them are counted")
        .atMost(Patience.LONG)
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(
            () ->
                assertThat(sum() + scene.state().storms() + dropped())
                    .as(
                        "%d told of, %d counted, %d dropped",
                        sum(), scene.state().storms(), dropped())
                    .isEqualTo(all));
    shop.stop();
    api.stop();
    scene.state().awaitNoAgent();

    assertThat(sum() + dropped()).isEqualTo(all);
    List<Map<String, Object>> events = scene.receiver().events();
    System.out.printf(
        "%d raised, %d events, %d dropped, %d brief%n",
        all, events.size(), dropped(), scene.state().counted(Counter.Name.BRIEF));
    assertThat(events.size()).isLessThan(50);
    assertThat(events).allSatisfy(e -> assertThat(Events.exceptionType(e)).isEqualTo("Broken"));
    Map<String, Object> largest =
        events.stream().max(java.util.Comparator.comparingLong(Events::occurrences)).orElseThrow();
    assertThat(Events.extra(largest).get("most_frequent").toString())
        .contains("shop", "api", "worker", "GET /raise");
  }

  private Process wrk(UwsgiServer server) throws IOException {
    return scene
        .command(
            "wrk",
            "-t1",
            "-c8",
            "-d3s",
            "--timeout",
            "60s",
            "http://127.0.0.1:" + server.port() + "/raise?what=it")
        .redirectErrorStream(true)
        .start();
  }

  private long sum() {
    return Events.sum(scene.receiver().events());
  }

  private long dropped() {
    return scene.state().counted(Counter.Name.DROPPED);
  }

  @Test
  void a_respawn_loop_is_one_event_and_one_that_counts_the_rest() {
    UwsgiServer server = scene.server(SERVER.replace("workers = 2", "workers = 1")).start();
    for (int death = 1; death <= 6; death++) {
      long worker = server.workerPid(1);
      server.get("/exit?code=3");
      await().until(() -> server.workerPid(1) != worker);
      assertThat(server.get("/ok").status()).isEqualTo(200);
    }
    List<Map<String, Object>> events = scene.eventsOf(server, 1, 2);

    assertThat(events).extracting(Events::exceptionType).containsOnly("UnexpectedExit");
    assertThat(Events.sum(events)).isEqualTo(6);
    assertThat(Events.extra(events.get(1)).get("summary").toString())
        .matches("worker 1 died 6 times in \\d+ s, 1 of them reported before");
    assertThat(Events.exceptionValue(events.get(1)))
        .as("lists show the title")
        .matches("5 more in \\d+ s: worker exited with code 3 in GET /exit");
    assertThat(events.get(1).get("fingerprint")).isEqualTo(events.get(0).get("fingerprint"));
  }

  @Test
  void slow_requests_are_one_event_and_a_count_for_each_transaction() {
    UwsgiServer server = scene.server(SERVER + "sentry-slow-request = 0.2\n").start();
    for (int i = 1; i <= 4; i++) {
      assertThat(server.get("/slow/orders/" + i + "?page=" + i).status()).isEqualTo(200);
      assertThat(server.get("/slow/users/" + (1000 + i) + "/cart").status()).isEqualTo(200);
    }
    List<Map<String, Object>> events = scene.eventsOf(server, 2, 4);

    assertThat(events)
        .extracting(e -> e.get("transaction") + ": " + Events.occurrences(e))
        .containsExactlyInAnyOrder(
            "GET /slow/orders/{id}: 1",
            "GET /slow/orders/{id}: 3",
            "GET /slow/users/{id}/cart: 1",
            "GET /slow/users/{id}/cart: 3");
  }

  @Test
  void exceptions_raised_in_other_places_are_other_faults() {
    UwsgiServer server = scene.server(SERVER).start();
    for (int i = 0; i < 8; i++) {
      server.get("/raise?what=" + i);
      server.get("/generator");
    }
    List<Map<String, Object>> events = scene.eventsOf(server, 10, 12);

    assertThat(events.stream().map(Events::occurrences).filter(n -> n > 1)).containsExactly(3L, 3L);
    assertThat(Events.sum(events)).isEqualTo(16);
  }

  @Test
  void what_is_beyond_the_users_limit_or_sample_is_counted() {
    UwsgiServer server =
        scene
            .server(
                SERVER
                    + """
                    sentry-max-events-per-minute = 3
                    alarm = seen sentry:
                    alarm-log = seen ^FOO
                    route = ^/event sentry:sample_rate=0
                    """)
            .start();
    for (int i = 0; i < 4; i++) {
      server.get("/event");
    }
    for (String word : List.of("tea", "milk", "bread", "salt", "rice", "wine", "oil", "flour")) {
      server.get("/log?line=FOO%20" + word);
    }
    await()
        .untilAsserted(
            () -> assertThat(sum() + scene.state().counted(Counter.Name.DISCARDED)).isEqualTo(12));
    // Eight may fall into two minutes.
    assertThat(sum()).isBetween(3L, 6L);
  }
}

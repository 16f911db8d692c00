package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * What dies or is missing: the server serves on, and what was written arrives. Nothing is folded
 * here, so that each event can be looked for.
 */
class DeathTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-fold = 0
      route = ^/event sentry:message=event ${QUERY_STRING},level=info,timeout=60
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void an_agent_that_is_killed_comes_back_and_delivers_what_was_written_meanwhile() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/event?before");
    // What was sent and is not noted yet when an agent is killed comes again.
    scene.state().awaitEntries(1, State.DELIVERED);
    long agent = scene.state().awaitAgent();
    Processes.signal(agent, "KILL");
    await().until(() -> !Processes.alive(agent));
    for (int i = 0; i < 20; i++) {
      assertThat(server.get("/event?meanwhile" + i).status()).isEqualTo(200);
    }
    scene.awaitEvents(21);
    assertThat(scene.state().awaitAgent()).isNotEqualTo(agent);
    assertThat(scene.receiver().accepted()).hasSize(21);
  }

  @Test
  void a_worker_that_is_killed_loses_no_event_of_an_answered_request() {
    UwsgiServer server = scene.server(SERVER + "workers = 2\n").start();
    try (Load load = Load.on(server, "n", 4)) {
      for (int i = 1; i <= 4; i++) {
        int at = i * 50;
        await().until(() -> load.answered().size() > at);
        long worker = server.workerPid(1);
        Processes.signal(worker, "KILL");
        await().until(() -> server.workerPid(1) != worker);
      }
      load.stop();
      Set<String> missing = new HashSet<>(load.answered());
      await("all events of answered requests")
          .untilAsserted(
              () -> {
                scene
                    .receiver()
                    .events()
                    .forEach(e -> missing.remove(Events.message(e).replace("event ", "")));
                assertThat(missing).isEmpty();
              });
    }
  }

  @Test
  void a_master_that_is_killed_takes_the_agent_along_and_the_next_start_delivers_the_rest() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/event?first");
    scene.state().awaitEntries(1, State.DELIVERED);
    scene.receiver().behave(Behaviour.status(503));
    for (int i = 0; i < 10; i++) {
      server.get("/event?rest" + i);
    }
    server.signal("KILL");
    server.awaitEnd();
    scene.state().awaitNoAgent();
    scene.receiver().behave(Behaviour.healthy());
    server.start();
    scene.awaitEvents(11);
    assertThat(scene.receiver().accepted()).hasSize(11);
  }

  @Test
  void without_a_java_the_server_serves_says_so_once_and_keeps_the_records() {
    UwsgiServer server = scene.server(SERVER + "sentry-java = /nonexistent\nworkers = 2\n").start();
    for (int i = 0; i < 5; i++) {
      assertThat(server.get("/event?" + i).status()).isEqualTo(200);
    }
    scene.state().awaitRecords(5, "routes", r -> r.kind() == Kind.ROUTE);
    assertThat(server.logged("/nonexistent")).isEqualTo(1);
    assertThat(server.log()).contains("sentry-java = /nonexistent: no java");
    assertThat(server.stop()).isZero();
    assertThat(scene.state().recordsOf("route ^/event")).hasSize(5);
  }

  @Test
  void without_a_directory_the_server_serves_and_says_so_once() {
    scene.file("in-the-way", "");
    UwsgiServer server =
        scene.server(SERVER.replace("${state}", "${dir}/in-the-way/state")).start();
    for (int i = 0; i < 3; i++) {
      assertThat(server.get("/event?" + i).status()).isEqualTo(200);
    }
    assertThat(server.logged("in-the-way")).isEqualTo(1);
  }

  @Test
  void a_full_disk_stops_no_request_and_what_could_not_be_written_is_counted() throws Exception {
    Path disk = scene.smallDisk(48);
    UwsgiServer server =
        scene.server(SERVER.replace("${state}", disk.resolve("state").toString())).start();
    StateDirectory state = new StateDirectory(disk.resolve("state"));
    server.get("/event?before");
    scene.awaitEvent("event before");
    Path filler = Disk.fill(disk);
    int n = 300;
    for (int i = 0; i < n; i++) {
      if (i % 30 == 0) {
        // The agent may have let go of something.
        Disk.fill(disk);
      }
      assertThat(server.get("/event?full" + i).status()).isEqualTo(200);
    }
    Files.delete(filler);
    await("every request delivered or counted")
        .untilAsserted(
            () ->
                assertThat(scene.receiver().eventIds().size() + state.counted(Counter.Name.DROPPED))
                    .isEqualTo(n + 1));
    assertThat(state.counted(Counter.Name.DROPPED)).isPositive();
    server.get("/event?after");
    scene.awaitEvent("event after");
  }

  @Test
  void a_full_journal_stops_no_request_and_every_one_is_counted() throws Exception {
    UwsgiServer server =
        scene
            .server(SERVER + "sentry-agent = external\nsentry-journal-max = 64k\nworkers = 2\n")
            .start();
    int n = 600;
    IntStream.range(0, n)
        .forEach(i -> assertThat(server.get("/event?" + i).status()).isEqualTo(200));
    Path journal = scene.state().path().resolve("journal/live");
    // 16 KiB are kept free to tell of what is dropped.
    assertThat(Files.size(journal)).isBetween(47L << 10, 64L << 10);
    assertThat(scene.state().records())
        .anySatisfy(r -> assertThat(r.brief()).isTrue())
        .anySatisfy(r -> assertThat(r.brief()).isFalse());
    Process agent = scene.agent();
    await("every request stored or counted")
        .untilAsserted(
            () ->
                assertThat(
                        Events.sum(scene.receiver().events())
                            + scene.state().storms()
                            + scene.state().counted(Counter.Name.DROPPED))
                    .isEqualTo(n));
    agent.destroy();
    await("every request told of or counted")
        .untilAsserted(
            () ->
                assertThat(
                        Events.sum(scene.receiver().events())
                            + scene.state().counted(Counter.Name.DROPPED))
                    .isEqualTo(n));
    assertThat(scene.state().counted(Counter.Name.DROPPED)).isPositive();
    assertThat(scene.state().counted(Counter.Name.BRIEF)).isPositive();
  }

  @Test
  void a_reload_keeps_the_count_of_what_a_full_journal_did_not_take() {
    UwsgiServer server =
        scene
            .server(SERVER + "sentry-agent = external\nsentry-journal-max = 64k\nworkers = 1\n")
            .start();
    int n = 600;
    IntStream.range(0, n / 2).forEach(i -> server.get("/event?" + i));
    server.reload();
    IntStream.range(n / 2, n).forEach(i -> server.get("/event?" + i));
    server.reload();
    server.stop();
    assertThat(scene.state().records())
        .filteredOn(record -> record.kind() == Kind.DROPS)
        .as("told from what is kept free")
        .isNotEmpty();
    // The configuration of a start, which may have found no room either, is no event.
    long found = scene.state().records().stream().filter(r -> r.kind() == Kind.ROUTE).count();
    assertThat(found + dropsTold()).isEqualTo(n);
  }

  private long dropsTold() {
    return scene.state().records().stream()
        .filter(record -> record.kind() == Kind.DROPS)
        .flatMap(record -> record.fields().pairs("drop").values().stream())
        .mapToLong(Long::parseLong)
        .sum();
  }

  @Test
  void a_malformed_dsn_keeps_the_event_and_names_the_handler() {
    UwsgiServer server =
        scene
            .server(
                SERVER
                    + """
                    alarm = odd sentry:dsn=ftp://k@host/1
                    alarm-log = odd ^FOO
                    """)
            .start();
    assertThat(server.get("/log?line=FOO").status()).isEqualTo(200);
    Entry entry = scene.state().awaitEntries(1, State.UNDELIVERABLE).get(0);
    assertThat(entry.handler()).isEqualTo("alarm odd");
    assertThat(entry.lastError()).contains("http");
    assertThat(server.logged("alarm odd: its DSN")).isEqualTo(1);
  }

  @Test
  void an_event_that_waited_for_a_usable_dsn_goes_to_the_mended_one() {
    String alarm = "alarm = odd sentry:dsn=http://host/1\nalarm-log = odd ^FOO\n";
    UwsgiServer server = scene.server(SERVER + alarm).start();
    server.get("/log?line=FOO");
    scene.state().awaitEntries(1, State.UNDELIVERABLE);
    server.stop();
    server.mended("http://host/1", "${dsn}").start();
    scene.awaitEvent("FOO 0");
  }

  @Test
  void an_event_without_any_dsn_is_kept() {
    UwsgiServer server = scene.server(SERVER.replace("sentry-dsn = ${dsn}\n", "")).start();
    server.get("/event?a");
    Entry entry = scene.state().awaitEntries(1, State.LOCAL).get(0);
    assertThat(entry.title()).contains("event a");
    assertThat(server.logged("events without one are kept locally")).isEqualTo(1);
  }

  @Test
  void strict_refuses_a_malformed_dsn() {
    UwsgiServer server =
        scene.server(
            SERVER.replace("[uwsgi]", "[uwsgi]\nstrict = true")
                + "alarm = odd sentry:dsn=ftp://k@host/1\n");
    server.launch();
    assertThat(server.awaitEnd()).isNotZero();
    assertThat(server.log()).contains("alarm odd").doesNotContain("spawned uWSGI");
  }

  @Test
  void strict_knows_all_of_our_options_and_none_that_is_misspelt() {
    String strict = SERVER.replace("[uwsgi]", "[uwsgi]\nstrict = true");
    UwsgiServer server =
        scene
            .server(
                strict
                    + """
                    sentry-environment = test
                    sentry-release = 1
                    sentry-server-name = here
                    sentry-tags = a:1;b:2
                    sentry-instance = strict
                    sentry-agent = auto
                    sentry-java = java
                    sentry-journal-max = 8m
                    sentry-capture = none
                    sentry-drain = 1
                    sentry-max-events-per-minute = 1000
                    """)
            .start();
    server.get("/event?a");
    scene.awaitEvent("event a");
    server.stop();
    UwsgiServer misspelt = scene.server(strict + "sentry-enviroment = test\n");
    misspelt.launch();
    assertThat(misspelt.awaitEnd()).isNotZero();
    assertThat(misspelt.log()).contains("sentry-enviroment");
  }
}

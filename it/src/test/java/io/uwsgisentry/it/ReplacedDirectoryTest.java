package io.uwsgisentry.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * What administrators do to the state directory of a server that runs: whatever the server records
 * from then on arrives, and one agent runs.
 */
class ReplacedDirectoryTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      sentry-fold = 0
      master = true
      processes = 2
      master-fifo = ${dir}/fifo
      route = ^/event sentry:message=event ${QUERY_STRING},level=info,timeout=60
      """;

  @RegisterExtension final Scene scene = new Scene();

  private UwsgiServer serverWithAnAgent() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/event?before");
    scene.awaitEvent("event before");
    return server;
  }

  private static void run(String... words) throws Exception {
    assertThat(new ProcessBuilder(words).inheritIO().start().waitFor()).isZero();
  }

  private Path aside() {
    Path state = scene.state().path();
    return state.resolveSibling(state.getFileName() + "-aside");
  }

  private void allArrive(UwsgiServer server, String name) {
    for (int i = 1; i <= 4; i++) {
      server.get("/event?" + name + i);
    }
    for (int i = 1; i <= 4; i++) {
      scene.awaitEvent("event " + name + i);
    }
    scene.state().awaitAgent();
  }

  private void oneChangeOf(String part) throws IOException {
    List<Changes.Change> changes = Changes.of(scene.state().path());
    assertThat(changes).extracting(Changes.Change::what).anyMatch(what -> what.contains(part));
    assertThat(changes).allMatch(change -> change.lost() == 0);
  }

  @Test
  void removed_with_all_that_is_in_it_and_reloaded() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    run("rm", "-rf", scene.state().path().toString());
    server.reload();
    allArrive(server, "after");
    oneChangeOf("outbox.db was created");
  }

  @Test
  void moved_away_and_reloaded() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    Files.move(scene.state().path(), aside());
    server.reload();
    allArrive(server, "after");
    assertThat(new StateDirectory(aside()).records())
        .as("made before it was moved")
        .noneMatch(
            record ->
                record.fields().all().stream()
                    .anyMatch(field -> new String(field.value(), UTF_8).contains("after")));
  }

  @Test
  void moved_away_for_a_while_and_back_without_a_reload() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    Files.move(scene.state().path(), aside());
    server.awaitLog("events are not recorded: .*Give " + scene.state().path() + " back");
    scene.awaitNoAgent();
    assertThat(scene.state().path()).as("made by nobody").doesNotExist();
    Files.move(aside(), scene.state().path());
    allArrive(server, "after");
    assertThat(server.log()).doesNotContain("the agent does not run");
    oneChangeOf("the state directory was moved to");
  }

  @Test
  void exchanged_for_another_one_and_reloaded() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    server.stop();
    scene.state().awaitNoAgent();
    Files.move(scene.state().path(), aside());
    server.start();
    allArrive(server, "first");
    Path first = scene.state().path().resolveSibling("first");
    Files.move(scene.state().path(), first);
    Files.move(aside(), scene.state().path());
    server.reload();
    allArrive(server, "second");
    oneChangeOf("the state directory was moved to");
  }

  @Test
  void the_agent_of_a_copy_prints_into_its_log_and_holds_its_lock() throws Exception {
    UwsgiServer first = serverWithAnAgent();
    UwsgiServer second = scene.server(SERVER.replace("fifo", "fifo2")).start();
    await("the second server's script waits")
        .atMost(Patience.SOON)
        .until(() -> Files.exists(scene.state().path().resolve("agent.wanted")));
    replaceByCopy();
    allArrive(first, "one");
    allArrive(second, "two");
    await()
        .atMost(Patience.SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              Path descriptors = Path.of("/proc/" + scene.state().awaitAgent() + "/fd");
              assertThat(Files.readSymbolicLink(descriptors.resolve("1")))
                  .isEqualTo(scene.state().path().resolve("agent.log").toRealPath());
              assertThat(Files.readSymbolicLink(descriptors.resolve("9")))
                  .isEqualTo(scene.state().path().resolve("agent.lock").toRealPath());
            });
  }

  private void replaceByCopy() throws Exception {
    String state = scene.state().path().toString();
    run("cp", "-a", state, aside().toString());
    run("rm", "-rf", state);
    run("mv", aside().toString(), state);
  }

  @Test
  void replaced_by_its_copy_without_a_reload() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    replaceByCopy();
    allArrive(server, "restored");
    await()
        .atMost(Patience.SOON)
        .untilAsserted(
            () -> assertThat(server.log()).contains("was replaced while the server runs"));
  }

  @Test
  void its_database_removed_without_a_reload() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    Path state = scene.state().path();
    for (String name : new String[] {"outbox.db", "outbox.db-wal", "outbox.db-shm"}) {
      Files.deleteIfExists(state.resolve(name));
    }
    allArrive(server, "early");
    await().atMost(Patience.SOON).untilAsserted(() -> oneChangeOf("outbox.db was removed"));
    allArrive(server, "late");
  }

  @Test
  void its_key_and_lock_removed_as_by_a_cleaner_and_reloaded() throws Exception {
    UwsgiServer server = serverWithAnAgent();
    Path state = scene.state().path();
    Files.delete(state.resolve("key"));
    Files.delete(state.resolve("agent.lock"));
    server.reload();
    allArrive(server, "cleaned");
  }
}

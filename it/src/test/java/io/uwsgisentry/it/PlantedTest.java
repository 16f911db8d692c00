package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whoever may write to the state directory plants something in it: the server starts and serves all
 * the same, and nothing is followed.
 */
class PlantedTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      route = ^/event sentry:message=event ${QUERY_STRING},level=info
      """;

  @RegisterExtension final Scene scene = new Scene();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "key",
        "agent.lock",
        "agent.log",
        "agent.wanted",
        "runtime",
        "journal",
        "journal/live"
      })
  void a_fifo_or_a_link_at_any_name_stops_no_request_and_is_not_followed(String name)
      throws Exception {
    Path victim = Files.createDirectory(scene.directory().resolve("victim"));
    Path file = Files.writeString(victim.resolve("file"), "untouched");
    Path state = scene.state().path();
    for (boolean fifo : new boolean[] {true, false}) {
      Path planted = state.resolve(name);
      Files.createDirectories(planted.getParent());
      if (fifo) {
        assertThat(scene.command("mkfifo", planted.toString()).start().waitFor()).isZero();
      } else {
        Files.createSymbolicLink(planted, name.contains(".") ? file : victim);
      }
      UwsgiServer server = scene.server(SERVER).start();
      assertThat(server.get("/event?a").status()).isEqualTo(200);
      assertThat(server.get("/ok").status()).isEqualTo(200);
      server.stop();
      scene.reap();
      try (Stream<Path> files = Files.list(victim)) {
        assertThat(files).containsExactly(file);
      }
      assertThat(file).hasContent("untouched");
      scene.command("rm", "-rf", state.toString()).start().waitFor();
    }
  }

  @Test
  void a_master_that_stays_root_writes_nothing_through_a_link_of_its_workers_user()
      throws Exception {
    assumeTrue(Processes.root(), "needs root: uid and gid");
    Path victim = Files.createDirectory(scene.directory().resolve("victim"));
    Files.setPosixFilePermissions(victim, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path state = Files.createDirectory(scene.state().path());
    Path link = Files.createSymbolicLink(state.resolve("runtime"), victim);
    int changed =
        scene.command("chown", "-h", "-R", "www-data:www-data", state.toString()).start().waitFor();
    assertThat(changed).isZero();
    UwsgiServer server =
        scene.server(SERVER + "uid = www-data\ngid = www-data\nmaster-as-root = true\n").start();

    assertThat(server.get("/event?a").status()).isEqualTo(200);

    server.awaitLog("the agent does not run: .*/runtime is a link: remove it");
    try (Stream<Path> files = Files.list(victim)) {
      assertThat(files).isEmpty();
    }
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(Files.getOwner(victim, LinkOption.NOFOLLOW_LINKS).getName()).isEqualTo("root");
  }
}

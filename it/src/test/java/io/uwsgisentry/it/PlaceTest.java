package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The state directory of a server that names none and whose user has no home: as Debian's unit for
 * one application starts it, and as a container with {@code --user} does.
 */
class PlaceTest {
  private static final int NOBODY_KNOWN = 61234;

  /** The comment keeps the tests' own directory out. */
  private static final String SERVER =
      """
      [uwsgi]
      # no sentry-dir
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = new Scene();

  @BeforeEach
  void as_root() {
    assumeTrue(Processes.root(), "needs root: to become a user that nobody knows");
  }

  @Test
  void a_unit_s_state_directory_is_used() throws IOException {
    Path unit = scene.directory().resolve("unit");
    Files.createDirectory(unit);
    Files.setAttribute(unit, "unix:uid", NOBODY_KNOWN);
    UwsgiServer server = server().environment("STATE_DIRECTORY", unit + ":/second").start();
    server.get("/raise");
    scene.awaitEvents(1);
    assertThat(unit.resolve("uwsgi-sentry/journal")).isDirectory();
    server.stop();
    new StateDirectory(unit.resolve("uwsgi-sentry")).awaitNoAgent();
  }

  @Test
  void without_one_the_log_says_what_to_set_and_the_server_serves() {
    UwsgiServer server = server().start();
    assertThat(server.get("/ok").status()).isEqualTo(200);
    assertThat(server.log())
        .contains("no place for the state directory: this user has no home")
        .contains("Set sentry-dir to a directory of this user's", "StateDirectory=")
        .contains("/var/lib/uwsgi-sentry/61234")
        .contains("The server runs on; no event is recorded");
  }

  @Test
  void a_good_start_is_one_line_that_shows_no_key() throws IOException {
    Path unit = Files.createDirectory(scene.directory().resolve("unit"));
    Files.setAttribute(unit, "unix:uid", NOBODY_KNOWN);
    UwsgiServer server = server().environment("STATE_DIRECTORY", unit.toString()).start();
    String dsn = scene.receiver().dsn();
    assertThat(server.log())
        .containsPattern(
            "\\[uwsgi-sentry\\] [0-9.]+: capture all, to http://\\*\\*\\*"
                + dsn.substring(dsn.indexOf('@'))
                + ", state in "
                + unit
                + "/uwsgi-sentry; `uwsgi-sentry status`")
        .doesNotContain(dsn.substring(0, dsn.indexOf('@')));
    assertThat(server.logged("\\[uwsgi-sentry\\]")).isEqualTo(1);
  }

  private UwsgiServer server() {
    return scene
        .server(SERVER)
        .through("setpriv", "--reuid=" + NOBODY_KNOWN, "--regid=" + NOBODY_KNOWN, "--clear-groups")
        .environment("HOME", "/");
  }
}

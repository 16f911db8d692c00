package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What uWSGI does again and again, or refuses, without ever calling it a failure. */
class RestartedForEverTest {
  private static final String SERVER = CaptureExceptionTest.SERVER + "log-master = true\n";

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @Test
  void a_mule_that_returns_at_once_is_one_event() {
    scene.file("returning.py", "print('nothing to do', flush=True)\n");
    UwsgiServer server = scene.server(SERVER + "mule = ${dir}/returning.py\n").start();
    server.awaitLog("(?s)(nothing to do.*){8}");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionValue(event))
        .endsWith(" ends as soon as it is started, and uWSGI starts it again and again");
    assertThat(event.get("level")).isEqualTo("error");
  }

  @Test
  void a_daemon_whose_pidfile_never_comes_is_one_event() {
    UwsgiServer server =
        scene
            .server(
                SERVER
                    + "smart-attach-daemon2 = pidfile=${dir}/nobody.pid,freq=1,cmd=exec sleep 1000\n")
            .start();
    server.awaitLog("(?s)did not daemonize !!!.*did not daemonize !!!");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("DaemonNotStarted");
    assertThat(Events.exceptionValue(event)).contains("sleep 1000", "pidfile does not come");
  }

  @Test
  void requests_that_uwsgi_refuses_are_reported_where_that_is_asked_for() {
    String long_header = "X-Long: " + "a".repeat(3000);
    UwsgiServer quiet = scene.quietServer(SERVER + "buffer-size = 1024\n").start();
    quiet.refused(long_header);
    quiet.awaitLog("invalid HTTP request size");
    scene.noEventOf(quiet);

    UwsgiServer server =
        scene.server(SERVER + "buffer-size = 1024\nsentry-capture = all, refused\n").start();
    server.refused(long_header);
    Map<String, Object> event = scene.awaitEvent("invalid HTTP request size (max 1024)");
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "alarm");
    server.stop();
  }
}

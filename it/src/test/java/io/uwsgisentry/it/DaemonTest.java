package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A server that becomes another process once its applications are loaded. */
@ParameterizedClass
@MethodSource("io.uwsgisentry.it.Uwsgi#each")
class DaemonTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured", "module = harm")
          + "daemonize2 = ${dir}/server1.log\n";

  private static final Pattern PID = Pattern.compile("spawned uWSGI \\w+.*\\(pid: (\\d+)");

  @Parameter Uwsgi uwsgi;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void its_master_reports_the_death_of_a_worker() {
    UwsgiServer server = daemon(SERVER + "stats = ${dir}/stats\n");
    server.get("/");
    await("the master").ignoreExceptions().until(() -> server.stats() != null);
    Processes.signal(server.workerPid(1), "KILL");
    Map<String, Object> event = scene.awaitEvents(1).get(0);
    assertThat(Events.tags(event)).containsEntry("uwsgi.kind", "death");
    end(server);
  }

  @Test
  void its_agent_lives_as_long_as_it_does_where_there_is_no_master() {
    UwsgiServer server = daemon(SERVER.replace("master = true", "master = false"));
    for (int i = 1; i <= 3; i++) {
      server.get("/long");
      scene.awaitEvents(i);
    }
    assertThat(scene.state().agentLog()).doesNotContain(" ended");
    end(server);
  }

  private UwsgiServer daemon(String ini) {
    UwsgiServer server = uwsgi.server(scene, ini).launch();
    assertThat(server.awaitEnd()).isZero();
    await("a worker").until(() -> server.logged("spawned uWSGI worker 1") > 0);
    return server;
  }

  private void end(UwsgiServer server) {
    Matcher pid = PID.matcher(server.log());
    assertThat(pid.find()).isTrue();
    Processes.signal(Long.parseLong(pid.group(1)), "INT");
    scene.state().awaitNoAgent();
  }
}

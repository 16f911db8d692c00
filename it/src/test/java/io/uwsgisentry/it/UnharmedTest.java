package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.journal.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Looking into an application must not harm it, however odd it is. */
class UnharmedTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured", "module = harm");

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @Test
  void an_exception_that_fails_to_say_what_it_is_does_not_end_its_worker() {
    UwsgiServer server = scene.server(SERVER).start();
    String worker = server.get("/").body();
    server.get("/unspeakable");
    assertThat(server.get("/").body()).isEqualTo(worker);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("Unspeakable");
    assertThat(Events.functions(event)).containsExactly("application");
  }

  @Test
  void the_text_of_an_exception_is_not_kept_in_the_worker() throws IOException {
    UwsgiServer server = scene.server(SERVER).start();
    long worker = server.workerPid(1);
    server.get("/long");
    long before = residentMebibytes(worker);
    IntStream.range(0, 100).forEach(i -> server.get("/long"));
    assertThat(residentMebibytes(worker) - before).as("MiB kept of 100").isLessThan(30);
    assertThat(server.workerPid(1)).isEqualTo(worker);
  }

  @Test
  void a_worker_that_reports_what_came_of_a_want_of_memory_serves_on() {
    UwsgiServer server = scene.server(SERVER + "sentry-agent = external\nlimit-as = 400\n").start();
    String worker = server.get("/").body();
    for (int i = 1; i <= 3; i++) {
      server.get("/memory");
      server.awaitLog("(?s)(ValueError: no memory.*){" + i + "}");
      scene.state().awaitRecords(i, "exceptions", r -> r.kind() == Kind.EXCEPTION);
      assertThat(server.get("/").body()).isEqualTo(worker);
    }
    assertThat(server.log()).doesNotContain("died");
  }

  /** glibc makes such memory when a thread first touches it, and aborts where there is none. */
  @Test
  void the_plugin_needs_next_to_no_memory_of_each_thread() throws Exception {
    Process readelf =
        scene.command("readelf", "-lW", Installation.ofThisRun().plugin().toString()).start();
    String segments = new String(readelf.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(readelf.waitFor()).isZero();
    assertThat(segments).contains("LOAD");
    // type, offset, two addresses, size in the file, size in memory
    Matcher tls = Pattern.compile("TLS( +0x\\w+){4} +0x(\\w+)").matcher(segments);
    if (tls.find()) {
      assertThat(Long.parseLong(tls.group(2), 16)).isLessThanOrEqualTo(16);
    }
  }

  private static long residentMebibytes(long pid) throws IOException {
    String pages = Files.readString(Path.of("/proc/" + pid + "/statm")).split(" ", 3)[1];
    return Long.parseLong(pages) * 4 / 1024;
  }

  @Test
  void stacks_are_taken_of_threads_that_run_and_they_run_on() {
    UwsgiServer server =
        scene.server(SERVER + "threads = 4\nsentry-slow-request = 0.1\nsentry-fold = 0\n").start();
    long worker = server.workerPid(1);
    for (int round = 0; round < 5; round++) {
      IntStream.range(0, 4).parallel().forEach(i -> server.get("/busy"));
    }
    assertThat(server.workerPid(1)).isEqualTo(worker);
    assertThat(scene.eventsOf(server, 20))
        .as("with a stack")
        .anySatisfy(event -> assertThat(Events.functions(event)).contains("busy"));
  }

  @Test
  void where_code_is_stuck_that_holds_the_interpreter_is_told_though_nothing_waits_for_it() {
    UwsgiServer server = scene.server(SERVER + "harakiri = 5\nsentry-slow-request = 0.3\n").start();
    server.get("/held");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("HarakiriError");
    assertThat(Events.functions(event)).contains("application");
  }

  @Test
  void large_variables_of_outer_frames_leave_room_for_the_frame_that_failed() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/large");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.functions(event))
        .containsExactly("application", "behind_large_variables", "fail");
  }

  @Test
  void a_server_without_a_master_that_is_told_to_stop_ends_and_reports_nothing() {
    UwsgiServer server =
        scene.quietServer(SERVER.replace("master = true", "master = false")).start();
    assertThat(server.get("/").status()).isEqualTo(200);
    scene.noEventOf(server);
    assertThat(server.running()).isFalse();
  }

  @Test
  void an_agent_beside_a_master_that_is_root_has_none_of_its_groups() throws IOException {
    assumeTrue(Processes.root(), "needs root: setgroups");
    scene.supervised();
    UwsgiServer server =
        scene
            .server(SERVER + "uid = www-data\ngid = www-data\nmaster-as-root = true\n")
            .through("setpriv", "--groups", "0,4,42")
            .start();
    long agent = scene.state().awaitAgent();
    assertThat(Processes.uid(agent)).isNotZero();
    assertThat(Files.readAllLines(Path.of("/proc/" + agent + "/status")))
        .anySatisfy(line -> assertThat(line).matches("Groups:\\s*"));
    server.stop();
  }
}

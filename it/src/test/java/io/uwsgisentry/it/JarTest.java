package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Where the agent's jar comes from, if it is not the plugin's own tail, and builds without it. */
class JarTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,${bare}
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${dsn}
      sentry-dir = ${state}
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void a_plugin_that_was_stripped_takes_the_jar_that_sentry_jar_names() throws Exception {
    strip();
    UwsgiServer server = scene.server(SERVER + "sentry-jar = " + jar() + "\n").start();
    server.get("/raise");
    scene.awaitEvents(1);
  }

  @Test
  void without_any_jar_the_log_says_what_to_do_and_events_wait() throws Exception {
    assumeTrue(
        Stream.of("/usr/share", "/usr/local/share")
            .noneMatch(share -> Files.exists(Path.of(share, "uwsgi-sentry"))),
        "the machine has an agent installed");
    strip();
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/raise");
    assertThat(server.logged("no agent: .* holds none")).isEqualTo(1);
    assertThat(server.log())
        .contains("name its jar in sentry-jar", "Events wait in ")
        .doesNotContain("the agent does not run");
    assertThat(scene.state().records()).isNotEmpty();
  }

  @Test
  void a_jar_that_is_none_is_said_and_no_other_is_taken() {
    String other = Path.of("/etc/hostname").toString();
    UwsgiServer server =
        scene.server(SERVER.replace("${bare}", "sentry") + "sentry-jar = " + other + "\n").start();
    assertThat(server.log())
        .contains("sentry-jar = " + other + ": that is no jar, or it cannot be read");
  }

  /** As a Dockerfile without a JDK does it. */
  @Test
  void a_build_that_can_have_no_agent_fails_and_names_the_ways_out() throws Exception {
    Path tools = Files.createDirectories(scene.directory().resolve("tools"));
    for (String tool : List.of("sh", "gcc", "as", "ld", "uwsgi")) {
      Path found = found(tool);
      Files.createSymbolicLink(tools.resolve(tool), found);
    }
    Files.createSymbolicLink(tools.resolve("python3"), Path.of("/usr/bin/python3"));
    Path at = Files.createDirectories(scene.directory().resolve("build"));
    ProcessBuilder builder =
        new ProcessBuilder("uwsgi", "--build-plugin", Path.of("..").toRealPath().toString())
            .directory(at.toFile())
            .redirectErrorStream(true);
    builder.environment().putAll(java.util.Map.of("PATH", tools.toString(), "PYTHON", "python3"));
    builder.environment().keySet().removeAll(List.of("JAVA_HOME", "UWSGI_SENTRY_JAR"));
    Process build = builder.start();
    String said = new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(build.waitFor()).as(said).isNotZero();
    assertThat(said)
        .contains("This is missing: a JDK, 17 or newer", "Maven")
        .contains(
            "three ways out", "UWSGI_SENTRY_JAR to a uwsgi-sentry.jar", "UWSGI_SENTRY_JAR=none");
    assertThat(at.resolve("sentry_plugin.so")).doesNotExist();
  }

  /** As packagers do it: what stands behind the ELF file is cut off. */
  private void strip() throws IOException, InterruptedException {
    Path bare = scene.directory().resolve("bare/sentry_plugin.so");
    Files.createDirectories(bare.getParent());
    Files.copy(Installation.ofThisRun().plugin(), bare);
    assertThat(scene.command("strip", bare.toString()).start().waitFor()).isZero();
    assertThat(Files.size(bare)).isLessThan(1_000_000);
    scene.define("bare", bare);
  }

  /** Any file that ends with the jar will do. */
  private static Path jar() {
    return Installation.ofThisRun().plugin();
  }

  private static Path found(String tool) {
    return Stream.of(System.getenv("PATH").split(":"))
        .map(directory -> Path.of(directory, tool))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + tool));
  }
}

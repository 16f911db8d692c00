package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A uWSGI plugin of the tests' own, {@code states.c}, which enters every function of ours that is
 * called from outside, wherever the configuration tells it to.
 */
final class StatesPlugin {
  private static final Path SOURCE = Path.of("src/test/resources/states").toAbsolutePath();

  private StatesPlugin() {}

  /** Builds it for this uWSGI into the scene's directory. */
  static Path build(Scene scene, Uwsgi uwsgi) throws IOException, InterruptedException {
    ProcessBuilder builder =
        scene.command(uwsgi.binary().toString(), "--build-plugin", SOURCE.toString());
    builder.environment().put("PYTHON", "python3");
    builder
        .environment()
        .put("STATES_HEADERS", Path.of("../native/headers").toAbsolutePath().toString());
    Process build = builder.redirectErrorStream(true).start();
    String said = new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(build.waitFor()).as(said).isZero();
    return scene.directory().resolve("states_plugin.so");
  }
}

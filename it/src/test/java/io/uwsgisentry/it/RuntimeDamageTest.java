package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Whatever is damaged in {@code runtime/}, as by a power cut: the agent comes up. */
class RuntimeDamageTest {
  private static final int ROUNDS = 8;

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
      route = ^/event sentry:message=event ${QUERY_STRING},level=info
      """;

  @RegisterExtension final Scene scene = new Scene();

  private enum Damage {
    EMPTY,
    HALF,
    ZEROS,
    FLIPPED_BITS,
    GONE,
    A_DIRECTORY
  }

  @Test
  void files_damaged_at_random_are_made_again() throws Exception {
    long seed = Long.getLong("runtime.seed", System.nanoTime());
    System.out.println("RuntimeDamageTest: -Druntime.seed=" + seed);
    Random random = new Random(seed);
    UwsgiServer server = scene.server(SERVER).start();
    await("a class-data archive")
        .atMost(Patience.LONG)
        .until(() -> scene.state().agentLog().contains("class-data archive"));
    server.stop();
    scene.state().awaitNoAgent();

    Path archive = files().stream().filter(f -> f.endsWith("agent.jsa")).findFirst().orElseThrow();
    byte[] sound = Files.readAllBytes(archive);
    for (Damage damage : Damage.values()) {
      if (!Files.isDirectory(archive)) {
        Files.write(archive, sound);
      }
      apply(damage, archive, random);
      comesUp(server, damage + " agent.jsa");
    }

    for (int round = 1; round <= ROUNDS; round++) {
      StringBuilder done = new StringBuilder();
      List<Path> files = files();
      Path surely = files.get(random.nextInt(files.size()));
      for (Path file : files) {
        if (file.equals(surely) || random.nextInt(3) == 0) {
          Damage damage = Damage.values()[random.nextInt(Damage.values().length)];
          apply(damage, file, random);
          done.append(' ').append(damage).append(' ').append(file.getFileName());
        }
      }
      comesUp(server, "round " + round + ":" + done);
    }
  }

  private void comesUp(UwsgiServer server, String after) {
    String query = after.replaceAll("[^A-Za-z0-9]", "-");
    server.start();
    assertThat(server.get("/event?" + query).status()).isEqualTo(200);
    scene.awaitEvent("event " + query);
    server.stop();
    scene.state().awaitNoAgent();
    System.out.println("RuntimeDamageTest: came up after " + after);
  }

  @Test
  void a_directory_that_its_owner_may_not_write_to_is_opened_again() throws Exception {
    assumeTrue(Processes.root(), "needs root: to become a user that rights hold for");
    UwsgiServer server = scene.server(SERVER + "uid = www-data\ngid = www-data\n").start();
    assertThat(server.get("/event?a").status()).isEqualTo(200);
    scene.awaitEvent("event a");
    server.stop();
    scene.state().awaitNoAgent();
    Path home = files().get(0).getParent();
    for (Path file : files()) {
      Files.delete(file);
    }
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("r-x------"));
    Files.setPosixFilePermissions(home.getParent(), PosixFilePermissions.fromString("r-x------"));

    server.start();

    assertThat(server.get("/event?b").status()).isEqualTo(200);
    scene.awaitEvent("event b");
  }

  /** The jar, SQLite's library, the class archive and its note: all that one version keeps. */
  private List<Path> files() throws IOException {
    try (Stream<Path> homes = Files.list(scene.state().path().resolve("runtime"))) {
      Path home = homes.filter(Files::isDirectory).findFirst().orElseThrow();
      try (Stream<Path> files = Files.list(home)) {
        return files.sorted().toList();
      }
    }
  }

  private static void apply(Damage damage, Path file, Random random) throws IOException {
    if (Files.isDirectory(file)) {
      return;
    }
    byte[] bytes = Files.readAllBytes(file);
    switch (damage) {
      case EMPTY -> bytes = new byte[0];
      case HALF -> bytes = Arrays.copyOf(bytes, bytes.length / 2);
      case ZEROS -> Arrays.fill(bytes, bytes.length / 3, bytes.length, (byte) 0);
      case FLIPPED_BITS -> {
        for (int i = 0; i < 20; i++) {
          bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
      }
      case GONE, A_DIRECTORY -> {
        Files.delete(file);
        if (damage == Damage.A_DIRECTORY) {
          Files.createDirectory(file);
        }
        return;
      }
    }
    Files.write(file, bytes);
  }
}

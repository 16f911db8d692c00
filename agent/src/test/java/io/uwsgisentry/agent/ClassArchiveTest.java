package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** With a jar where the supervising script puts it: only jars can be archived. */
@Tag("process")
class ClassArchiveTest {
  private static final Duration PATIENCE = Duration.ofSeconds(120);

  @TempDir Path parent;

  @Test
  @Timeout(300)
  void anIdleAgentMakesTheArchiveWithWhichTheNextOneStarts() throws Exception {
    Path state = parent.resolve("state");
    Path home = Files.createDirectories(state.resolve("runtime").resolve("0-1"));
    Path jar = jar(home.resolve("agent.jar"));
    Path archive = home.resolve("agent.jsa");

    try (AgentProcess first = AgentProcess.startJar(jar, state, List.of())) {
      await().atMost(PATIENCE).until(() -> Files.exists(archive));
      await().atMost(PATIENCE).until(() -> !Files.exists(home.resolve("rehearsal")));
      first.terminate();
      assertThat(first.exitCode()).isZero();
    }
    try (Stream<Path> files = Files.list(home)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .allMatch(name -> name.matches("agent\\.(jar|jsa|jsa\\.of)|libsqlitejdbc.*\\.so"));
    }
    assertThat(Files.readString(state.resolve("agent.log"))).doesNotContain("fails");

    try (AgentProcess second =
        AgentProcess.startJar(jar, state, List.of("-XX:SharedArchiveFile=" + archive))) {
      Path maps = Path.of("/proc", Long.toString(second.pid()), "maps");
      await().atMost(PATIENCE).until(() -> Files.readString(maps).contains("agent.jsa"));
      await()
          .atMost(PATIENCE)
          .until(() -> Files.readString(state.resolve("agent.log")).split("started").length == 3);
    }
  }

  /** The program and its libraries in one jar, as the build makes it. */
  private static Path jar(Path target) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, "io.uwsgisentry.agent.Main");
    Set<String> names = new HashSet<>(Set.of("META-INF/MANIFEST.MF"));
    try (OutputStream file = Files.newOutputStream(target);
        JarOutputStream out = new JarOutputStream(file, manifest)) {
      for (String element : System.getProperty("java.class.path").split(":")) {
        Path path = Path.of(element);
        if (Files.isDirectory(path) && path.endsWith("classes")) {
          addDirectory(path, out, names);
        } else if (element.matches(
            ".*/(sqlite-jdbc|sentry|picocli|httpclient5|httpcore5|slf4j-api|slf4j-nop)-[0-9].*\\.jar")) {
          addJar(path, out, names);
        }
      }
    }
    return target;
  }

  private static void addDirectory(Path directory, JarOutputStream out, Set<String> names)
      throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      files
          .filter(Files::isRegularFile)
          .forEach(
              file -> {
                try (InputStream in = Files.newInputStream(file)) {
                  add(directory.relativize(file).toString(), in, out, names);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }

  private static void addJar(Path path, JarOutputStream out, Set<String> names) throws IOException {
    try (JarFile jar = new JarFile(path.toFile())) {
      for (var entry : java.util.Collections.list(jar.entries())) {
        if (!entry.isDirectory() && !entry.getName().endsWith("module-info.class")) {
          try (InputStream in = jar.getInputStream(entry)) {
            add(entry.getName(), in, out, names);
          }
        }
      }
    }
  }

  private static void add(String name, InputStream in, JarOutputStream out, Set<String> names)
      throws IOException {
    if (names.add(name)) {
      out.putNextEntry(new ZipEntry(name));
      in.transferTo(out);
      out.closeEntry();
    }
  }
}

package io.uwsgisentry.agent;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A real agent in a JVM of its own, with the flags that matter of those that the supervising script
 * gives it.
 */
final class AgentProcess implements AutoCloseable {
  private final Process process;
  private final Path output;

  private AgentProcess(Process process, Path output) {
    this.process = process;
    this.output = output;
  }

  static AgentProcess start(Path state, String... options) throws IOException {
    List<String> arguments =
        List.of("-cp", System.getProperty("java.class.path"), "io.uwsgisentry.agent.Main");
    return start(state, Map.of(), List.of(), arguments, options);
  }

  /** With these variables in its environment. */
  static AgentProcess start(Path state, Map<String, String> environment, String... options)
      throws IOException {
    List<String> arguments =
        List.of("-cp", System.getProperty("java.class.path"), "io.uwsgisentry.agent.Main");
    return start(state, environment, List.of(), arguments, options);
  }

  /** From a jar, with these flags besides the usual ones. */
  static AgentProcess startJar(Path jar, Path state, List<String> flags) throws IOException {
    return start(state, Map.of(), flags, List.of("-jar", jar.toString()));
  }

  private static AgentProcess start(
      Path state,
      Map<String, String> environment,
      List<String> flags,
      List<String> program,
      String... options)
      throws IOException {
    Path output = Files.createTempFile(state.getParent(), "agent", ".out");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(flags);
    command.addAll(program);
    command.addAll(List.of("agent", "--dir", state.toString()));
    command.addAll(List.of(options));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true).redirectOutput(output.toFile());
    return new AgentProcess(builder.start(), output);
  }

  long pid() {
    return process.pid();
  }

  /** SIGTERM. */
  void terminate() {
    process.destroy();
  }

  /** SIGKILL, and waits until it is dead. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** The exit code, once it has ended. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(Patience.LONG.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("the agent goes on; it said: " + output());
    }
    return process.exitValue();
  }

  boolean ends(Duration within) throws InterruptedException {
    return process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** What it printed. */
  String output() {
    try {
      return Files.readString(output, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}

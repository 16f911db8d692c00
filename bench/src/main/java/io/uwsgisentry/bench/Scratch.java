package io.uwsgisentry.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A directory for one measurement, and the processes that were started in it; both end with it. */
final class Scratch implements AutoCloseable {
  private final Path directory;
  private final List<Process> processes = new ArrayList<>();
  private final Thread atExit = new Thread(this::end);

  Scratch() throws IOException {
    directory = Files.createTempDirectory("uwsgi-sentry-bench-");
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  Path path(String name) {
    return directory.resolve(name);
  }

  Path write(String name, String text) throws IOException {
    return Files.writeString(path(name), text);
  }

  /** Starts a command whose output goes to {@code <name>.log}. */
  Process start(String name, List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(path(name + ".log").toFile()))
            .start();
    processes.add(process);
    return process;
  }

  String log(String name) throws IOException {
    return Files.exists(path(name + ".log")) ? Files.readString(path(name + ".log")) : "";
  }

  /** Asks until it is so. */
  static void await(String what, Duration longest, BooleanSupplier condition) {
    long end = System.nanoTime() + longest.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("waited " + longest.toSeconds() + " s in vain: " + what);
      }
      pause(Duration.ofMillis(5));
    }
  }

  static void pause(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    Runtime.getRuntime().removeShutdownHook(atExit);
    end();
  }

  private void end() {
    for (Process process : processes) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    // The agent is nobody's descendant once its server is gone.
    Proc.find("--dir", path("state").toString())
        .flatMap(ProcessHandle::of)
        .ifPresent(ProcessHandle::destroyForcibly);
    try (Stream<Path> files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException | UncheckedIOException e) {
      System.err.println("left behind: " + directory);
    }
  }
}

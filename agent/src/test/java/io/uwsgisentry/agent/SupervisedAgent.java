package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Agents of one directory, one after the other: where one ends, the next one starts. */
final class SupervisedAgent implements AutoCloseable {
  /** One that has ended. */
  record Ended(int code, String output) {}

  private final Path state;
  private final String[] options;
  private final List<Ended> ended = new ArrayList<>();
  private final Thread thread;
  private AgentProcess agent;
  private boolean over;

  SupervisedAgent(Path state, String... options) throws IOException {
    this.state = state;
    this.options = options.clone();
    this.agent = AgentProcess.start(state, options);
    this.thread = new Thread(this::supervise, "supervisor");
    thread.setDaemon(true);
    thread.start();
  }

  private void supervise() {
    try {
      while (true) {
        if (!current().ends(java.time.Duration.ofDays(1))) {
          return;
        }
        synchronized (this) {
          ended.add(new Ended(agent.exitCode(), agent.output()));
          if (over) {
            return;
          }
        }
        // As the script does, but for how long.
        TimeUnit.MILLISECONDS.sleep(100);
        synchronized (this) {
          if (over) {
            return;
          }
          agent = AgentProcess.start(state, options);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private synchronized AgentProcess current() {
    return agent;
  }

  /** Exit codes of those that have ended. */
  synchronized List<Integer> codes() {
    return ended.stream().map(Ended::code).toList();
  }

  synchronized List<Ended> ended() {
    return List.copyOf(ended);
  }

  /** What the one that runs printed. */
  String output() {
    return current().output();
  }

  @Override
  public void close() throws InterruptedException {
    synchronized (this) {
      over = true;
      agent.kill();
    }
    thread.join();
  }
}

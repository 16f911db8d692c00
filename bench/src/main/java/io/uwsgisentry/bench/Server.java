package io.uwsgisentry.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A uWSGI with a small Python page, and whatever a variant adds to its ini. */
final class Server implements AutoCloseable {
  private static final String INI =
      """
      [uwsgi]
      plugin = python3
      http-socket = 127.0.0.1:%d
      master = true
      processes = 2
      listen = 100
      wsgi-file = app.py
      need-app = true
      disable-logging = true
      %s
      """;
  // uWSGI closes the connection in any case; wrk counts an error where it was not told.
  private static final String APP =
      """
      import time


      def application(environ, start_response):
          if environ["PATH_INFO"] == "/work":
              end = time.thread_time() + 0.001
              while time.thread_time() < end:
                  pass
          start_response("200 OK", [("Content-Length", "14"), ("Connection", "close")])
          return [b"Hello, world.\\n"]
      """;

  private static final Duration SETTLED_AFTER = Duration.ofSeconds(25);

  private final Scratch scratch;
  private final Process process;
  private final int port;

  private Server(Scratch scratch, Process process, int port) {
    this.scratch = scratch;
    this.process = process;
    this.port = port;
  }

  /** Starts it and waits until it takes connections. Its state directory is {@code state}. */
  static Server start(Scratch scratch, String more) throws IOException {
    return start(scratch, more, APP);
  }

  /** The same with another application. */
  static Server start(Scratch scratch, String more, String app) throws IOException {
    int port = freePort();
    scratch.write("app.py", app);
    Path ini = scratch.write("server.ini", INI.formatted(port, more));
    Server server =
        new Server(
            scratch, scratch.start("uwsgi", List.of("uwsgi", "--ini", ini.toString())), port);
    Scratch.await("uWSGI to start", Duration.ofSeconds(30), server::takesConnections);
    return server;
  }

  int port() {
    return port;
  }

  /** The agent's process, once it is there. */
  Optional<Long> agent() {
    return Proc.find("agent", "--dir", scratch.path("state").toString());
  }

  /**
   * Lets it work until the agent has compiled what it needs and asks for the small share of the
   * processors, as it will be found a minute later; where the kernel knows no such shares, for as
   * long as that takes at most.
   *
   * @return how many requests were made for that
   */
  long letAgentSettle(String path) throws IOException, InterruptedException {
    long requests = 0;
    long end = System.nanoTime() + SETTLED_AFTER.toNanos();
    while (System.nanoTime() < end && !agent().map(Proc::hasSmallShare).orElse(false)) {
      requests += Load.on(port, path, 4, 2).requests();
    }
    return requests;
  }

  /** All its processes: the master, and what it started, directly or not, the agent included. */
  List<Long> processes() {
    return java.util.stream.Stream.of(
            java.util.stream.Stream.of(process.pid()),
            process.descendants().map(ProcessHandle::pid),
            agent().stream())
        .flatMap(pids -> pids)
        .distinct()
        .toList();
  }

  /** Processor time of the master and its workers so far, the agent's left out. */
  long processorNanos() {
    return java.util.stream.Stream.concat(
            java.util.stream.Stream.of(process.toHandle()), process.children())
        .mapToLong(ProcessHandle::pid)
        .filter(pid -> Proc.command(pid).get(0).endsWith("uwsgi"))
        .map(Proc::processorNanos)
        .sum();
  }

  /** Processor time of the master alone. */
  long masterNanos() {
    return Proc.processorNanos(process.pid());
  }

  private boolean takesConnections() {
    if (!process.isAlive()) {
      try {
        throw new IllegalStateException("uWSGI ended:\n" + scratch.log("uwsgi"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Stops it (SIGINT) and waits for it and for its agent. */
  @Override
  public void close() {
    try {
      new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
    Scratch.await("uWSGI to end", Duration.ofSeconds(30), () -> !process.isAlive());
    Scratch.await("the agent to end", Duration.ofSeconds(30), () -> agent().isEmpty());
  }
}

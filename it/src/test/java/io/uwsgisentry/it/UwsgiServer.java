package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One uWSGI, from its configuration to its end. It is used by the test's thread only; requests may
 * run beside it ({@link #getLater}).
 */
final class UwsgiServer {
  private static final Pattern WORKER =
      Pattern.compile(
          "awned uWSGI worker (\\d+) \\((?:and the only\\) \\()?(?:new )?pid: (\\d+)[,)]");

  private static final Pattern STATS = Pattern.compile("^stats = (.*)$", Pattern.MULTILINE);

  private static final Pattern MULE = Pattern.compile("spawned uWSGI mule 1 \\(pid: (\\d+)\\)");

  private final Scene scene;
  private final String name;
  private final int port;
  private final Path logFile;
  private final Map<String, String> environment = new LinkedHashMap<>();
  private final List<String> before = new ArrayList<>();
  private String ini;
  private String file;
  private String binary = "uwsgi";
  private Path plugins = Installation.ofThisRun().plugins();
  private Process process;

  UwsgiServer(Scene scene, String name, String ini, int port) {
    this.scene = scene;
    this.name = name;
    this.ini = ini;
    this.port = port;
    this.file = name + ".ini";
    this.logFile = scene.directory().resolve(name + ".log");
  }

  /** Has its configuration in this file of the scene's directory instead of one of its own name. */
  UwsgiServer in(String path) {
    file = path;
    return this;
  }

  /** Has these words instead of those in its configuration, from the next start on. */
  UwsgiServer mended(String words, String instead) {
    ini = ini.replace(words, instead);
    return this;
  }

  /** Adds to the environment that the server starts with. */
  UwsgiServer environment(String key, String value) {
    environment.put(key, value);
    return this;
  }

  /** Runs another uWSGI than the machine's. */
  UwsgiServer of(Path otherBinary, Path itsPlugins) {
    binary = otherBinary.toString();
    plugins = itsPlugins;
    return this;
  }

  /** Puts words before the command, such as {@code setpriv --reuid=33}. */
  UwsgiServer through(String... words) {
    before.addAll(List.of(words));
    return this;
  }

  /** Starts and waits until a worker is there, so that requests are taken. Sends none itself. */
  UwsgiServer start() {
    return startUntil("spawned uWSGI worker");
  }

  /**
   * Starts and waits until the log holds this regular expression. A second start continues the log.
   */
  UwsgiServer startUntil(String expression) {
    int from = log().length();
    launch();
    awaitLogAfter(from, expression);
    return this;
  }

  /**
   * Starts and waits for nothing. Another start waits until nobody listens on the port: workers
   * outlive a master that was killed.
   */
  UwsgiServer launch() {
    if (process != null) {
      await("port " + port + " to be free").until(() -> !Http.listens(port));
    }
    scene.provideAgent();
    Path config = scene.file(file, ini);
    List<String> command = new ArrayList<>(before);
    command.addAll(List.of(binary, "--ini", config.toString()));
    ProcessBuilder builder = scene.command(command.toArray(String[]::new));
    builder.environment().put("UWSGI_PLUGINS_DIR", plugins.toString());
    if (!ini.contains("sentry-dir")) {
      // The configurations that people have do not name one, and the default is the machine's.
      builder.environment().put("UWSGI_SENTRY_DIR", scene.state().path().toString());
    }
    // A worker that has just started can miss the signal to end; its master is not to wait a
    // minute.
    builder.environment().put("UWSGI_WORKER_RELOAD_MERCY", "8");
    builder.environment().putAll(environment);
    try {
      process =
          builder
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile.toFile()))
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  String name() {
    return name;
  }

  int port() {
    return port;
  }

  Http.Response get(String path) {
    return request("GET", path);
  }

  /** A request without a body; each header is a whole line. */
  Http.Response request(String method, String path, String... headers) {
    try {
      return Http.request(port, method, path, headers);
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + path + " to " + name, e);
    }
  }

  /** A GET that uWSGI closes the connection on, or answers by itself. */
  void refused(String header) {
    try {
      Http.request(port, "GET", "/", header);
    } catch (IOException e) {
      // That is how it refuses.
    }
  }

  /** Sends these bytes as they are. */
  Http.Response raw(byte[] request) {
    try {
      return Http.raw(port, request);
    } catch (IOException e) {
      throw new UncheckedIOException("raw request to " + name, e);
    }
  }

  /** A GET in a thread of its own. */
  CompletableFuture<Http.Response> getLater(String path) {
    return CompletableFuture.supplyAsync(() -> get(path), task -> new Thread(task).start());
  }

  String log() {
    try {
      return Files.exists(logFile)
          ? new String(Files.readAllBytes(logFile), StandardCharsets.UTF_8)
          : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How often the log holds this regular expression. */
  long logged(String expression) {
    return Pattern.compile(expression).matcher(log()).results().count();
  }

  void awaitLog(String expression) {
    awaitLogAfter(0, expression);
  }

  /** Waits until the log, from this length on, holds the regular expression. */
  void awaitLogAfter(int length, String expression) {
    Pattern pattern = Pattern.compile(expression);
    await(name + " to log " + expression)
        .atMost(Patience.SOON)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> {
              // Asked before the log is read: what a process logged last is then in it.
              boolean ended = !process.isAlive();
              boolean found = pattern.matcher(log().substring(length)).find();
              if (!found && ended) {
                throw new AssertionError(
                    name + " ended with " + process.exitValue() + " without " + expression);
              }
              return found;
            });
  }

  boolean running() {
    return process.isAlive();
  }

  /** The master's process id, or the only process's; it stays through reloads. */
  long masterPid() {
    return process.pid();
  }

  /** The first process of the first mule. */
  long mulePid() {
    Matcher matcher = MULE.matcher(log());
    if (!matcher.find()) {
      throw new AssertionError(name + " has no mule");
    }
    return Long.parseLong(matcher.group(1));
  }

  /** The latest process of a worker, which need not live any more. */
  long workerPid(int worker) {
    Matcher matcher = WORKER.matcher(log());
    long pid = 0;
    while (matcher.find()) {
      if (Integer.parseInt(matcher.group(1)) == worker) {
        pid = Long.parseLong(matcher.group(2));
      }
    }
    if (pid == 0) {
      throw new AssertionError(name + " has no worker " + worker);
    }
    return pid;
  }

  /**
   * Waits until no worker is in a request by uWSGI's own account, and none has a connection that it
   * is still to take; the configuration must have {@code stats = PATH}. A client that has its whole
   * answer knows no such thing: the worker closes the connection first.
   */
  UwsgiServer awaitIdle() {
    await(name + " to be idle")
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(() -> Http.openConnections(port) == 0 && stats().inRequest() == 0);
    return this;
  }

  /** Waits until so many requests are under way; needs {@code stats} as {@link #awaitIdle} does. */
  void awaitInRequest(int n) {
    await(name + " to have " + n + " requests under way")
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(() -> stats().inRequest() == n);
  }

  /**
   * Waits until the master is in its loop, where it has looked at each worker once: of a death is
   * told what was seen before it. The configuration must have {@code stats = ${dir}/stats}, which
   * is answered in that loop.
   */
  void awaitMaster() {
    await("the master of " + name)
        .ignoreExceptionsInstanceOf(IOException.class)
        .until(() -> stats() != null);
  }

  /** The account that the configuration has it give by {@code stats = PATH}. */
  Stats stats() throws IOException {
    Matcher path = STATS.matcher(ini);
    if (!path.find()) {
      throw new IllegalStateException(name + " has no stats");
    }
    return Stats.of(Path.of(path.group(1)));
  }

  /**
   * Sends the master a signal: {@code HUP}, {@code KILL}, … Its first worker serves before it minds
   * any, and until then all of them kill it: that is waited for.
   */
  void signal(String signal) {
    if (!signal.equals("KILL")) {
      Processes.awaitMinding(masterPid());
    }
    Processes.signal(masterPid(), signal);
  }

  /**
   * Writes one command to the FIFO that the configuration must name as {@code master-fifo =
   * ${dir}/fifo}.
   */
  void fifo(char command) {
    Path fifo = scene.directory().resolve("fifo");
    // The first worker serves before the master makes it, and a file in its place is lost.
    await(name + "'s fifo").until(() -> Files.exists(fifo));
    try {
      Files.writeString(fifo, String.valueOf(command), StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reloads gracefully and waits until workers are there again. */
  void reload() {
    int from = log().length();
    signal("HUP");
    awaitLogAfter(from, "gracefully \\(RE\\)spawned uWSGI master|spawned uWSGI worker 1");
  }

  /** Stops as {@code kill -INT} does and returns the exit code. */
  int stop() {
    signal("INT");
    return awaitEnd();
  }

  /** Waits for the process's end and returns its exit code. */
  int awaitEnd() {
    if (!endsWithin(Patience.SOON)) {
      throw new AssertionError(name + " did not end within " + Patience.SOON);
    }
    return process.exitValue();
  }

  boolean endsWithin(Duration time) {
    try {
      return process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}

package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.agent.AgentInJvm;
import io.uwsgisentry.testkit.Envelope;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Ports;
import io.uwsgisentry.testkit.Received;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Everything that one test uses and that must be gone after it: a directory, a receiver in place of
 * Sentry, servers, and every process that those started. A test that fails gets the ends of the
 * logs as suppressed exceptions.
 *
 * <p>Configurations are uWSGI's own text. In them {@code ${port}}, {@code ${dsn}}, {@code
 * ${state}}, {@code ${apps}} and what {@link #define} added is replaced; uWSGI's request variables,
 * in capitals or with brackets, are left alone.
 */
final class Scene implements BeforeEachCallback, AfterEachCallback {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([a-z][a-z0-9-]*)\\}");

  private static final String LAST_WORD = "the last word";

  private final String id = UUID.randomUUID().toString();
  private final Map<String, String> definitions = new LinkedHashMap<>();
  private final List<UwsgiServer> servers = new ArrayList<>();
  private final List<AutoCloseable> closing = new ArrayList<>();
  private boolean agentInJvm;
  private Path directory;
  private Receiver receiver;
  private AgentInJvm agent;

  /** One whose servers start their agent themselves, in a JVM of its own. */
  Scene() {
    this(false);
  }

  private Scene(boolean agentInJvm) {
    this.agentInJvm = agentInJvm;
  }

  /**
   * One whose servers start no agent: the test's JVM takes their records and delivers them, by the
   * agent's own classes. For tests of what is captured and not of the process that delivers it,
   * which takes seconds to start and gives way to all others on a busy machine.
   */
  static Scene withAgentInJvm() {
    return new Scene(true);
  }

  /** Has the servers of this test start their agent themselves, as one in production does. */
  Scene supervised() {
    agentInJvm = false;
    return this;
  }

  private static final AtomicInteger SCENES = new AtomicInteger();

  static {
    Awaitility.setDefaultTimeout(Patience.SOON);
    // A thread that ends by an exception may be that of a test beside this one.
    Awaitility.doNotCatchUncaughtExceptionsByDefault();
  }

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    Installation installation = Installation.ofThisRun();
    directory =
        Files.createDirectory(
            Reaper.ofThisRun().directory().resolve("scene-" + SCENES.incrementAndGet()));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    receiver = Receiver.start();
    define("dir", directory.toString());
    define("state", directory.resolve("state").toString());
    define("apps", installation.apps().toString());
    define("plugin", installation.plugin().toString());
    define("dsn", receiver.dsn());
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    try {
      context.getExecutionException().ifPresent(this::attachLogs);
    } finally {
      try {
        reap();
        awaitNoAgent();
      } finally {
        for (AutoCloseable closeable : closing) {
          closeable.close();
        }
        receiver.close();
        remove(directory);
      }
    }
  }

  Path directory() {
    return directory;
  }

  /** The receiver that {@code ${dsn}} leads to. */
  Receiver receiver() {
    return receiver;
  }

  /**
   * The state directory that {@code ${state}} names, where servers keep theirs unless the text says
   * otherwise.
   */
  StateDirectory state() {
    return new StateDirectory(directory.resolve("state"));
  }

  /** Waits until so many different events were accepted and returns them all, in order. */
  List<Map<String, Object>> awaitEvents(int n) {
    receiver.awaitEvents(n, Patience.SOON);
    return receiver.events();
  }

  /** Waits for an event whose message holds this text. */
  Map<String, Object> awaitEvent(String text) {
    return awaitEvent(text, event -> Events.message(event).contains(text));
  }

  Map<String, Object> awaitEvent(String what, Predicate<Map<String, Object>> wanted) {
    try {
      return await()
          .atMost(Patience.SOON)
          .until(() -> receiver.events().stream().filter(wanted).findFirst(), Optional::isPresent)
          .orElseThrow();
    } catch (ConditionTimeoutException e) {
      throw new AssertionError(
          "waited for the event %s, but there are %s".formatted(what, receiver.events()), e);
    }
  }

  /**
   * Waits for so many events, ends the server and then its agent, which delivers what is left
   * first; fails if there are more.
   */
  List<Map<String, Object>> eventsOf(UwsgiServer server, int n) {
    return eventsOf(server, n, n);
  }

  /** The same where more come only when the server ends: what was counted until then. */
  List<Map<String, Object>> eventsOf(UwsgiServer server, int before, int all) {
    if (before > 0) {
      receiver.awaitEvents(before, Patience.SOON);
    }
    server.stop();
    awaitNoAgent();
    List<Map<String, Object>> events = receiver.events();
    assertThat(events).as("events of %s", server.name()).hasSize(all);
    return events;
  }

  /**
   * A server that is to report nothing: it says its last word when it ends, or reloads, so that
   * silence cannot come of an agent that never ran.
   */
  UwsgiServer quietServer(String ini) {
    return server(quiet(ini));
  }

  /** The configuration of a {@link #quietServer}. */
  static String quiet(String ini) {
    return ini + "\nhook-as-user-atexit = sentry:message=" + LAST_WORD + ",level=info\n";
  }

  /** Ends a {@link #quietServer} and fails if anything but its last word arrived. */
  void noEventOf(UwsgiServer server) {
    if (!agentInJvm) {
      // One that is ended while its JVM starts leaves what there is to the next.
      await().atMost(Patience.SOON).until(() -> state().agentLog().contains(" started, pid "));
    }
    server.stop();
    awaitEvent(LAST_WORD);
    awaitNoAgent();
    assertThat(receiver.events())
        .as("events of %s", server.name())
        .allSatisfy(event -> assertThat(Events.message(event)).isEqualTo(LAST_WORD));
  }

  /**
   * Fails if an event came more often than the agent tried to send it. Twice can be right: a test
   * that stands still for longer than an agent waits for an answer has taken it all the same.
   */
  void noEventCameMoreOftenThanItWasSent(StateDirectory state) {
    Map<String, Integer> came = new LinkedHashMap<>();
    receiver.accepted().stream()
        .map(Received::envelope)
        .filter(Envelope::holdsEvent)
        .forEach(envelope -> came.merge(envelope.eventId(), 1, Integer::sum));
    came.values().removeIf(times -> times == 1);
    if (came.isEmpty()) {
      return;
    }
    Map<String, Integer> attempts = state.attempts();
    assertThat(came)
        .allSatisfy((event, times) -> assertThat(times).isLessThanOrEqualTo(attempts.get(event)));
  }

  /** The one event of a server that is ended for it. */
  Map<String, Object> onlyEventOf(UwsgiServer server) {
    return eventsOf(server, 1).get(0);
  }

  /** Gives {@code ${name}} a value. */
  Scene define(String name, Object value) {
    definitions.put(name, value.toString());
    return this;
  }

  /** Waits until the agent has delivered what its server, which has ended, left to it. */
  void awaitNoAgent() {
    if (!agentInJvm) {
      state().awaitNoAgent();
    } else if (agent != null) {
      try {
        agent.close();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError(e);
      }
      agent = null;
    }
  }

  /** To be called before a server of this scene starts. */
  void provideAgent() {
    if (agentInJvm && agent == null) {
      agent = AgentInJvm.start(state().path());
    }
  }

  /**
   * A server with this configuration, not yet started, of the uWSGI that this run is about; its
   * port is {@code ${port}}.
   */
  UwsgiServer server(String ini) {
    return Uwsgi.NEWEST_IN_THIS_RUN ? Uwsgi.NEWEST.server(this, ini) : serverAsInstalled(ini);
  }

  /** The same of the machine's uWSGI, or of one that is named afterwards. */
  UwsgiServer serverAsInstalled(String ini) {
    // A configuration that names its agent wants no other: with an external one, records stay.
    agentInJvm &= !ini.contains("sentry-agent");
    int port = freePort();
    define("port", port);
    String text = expand(agentInJvm ? ini + "\nsentry-agent = external\n" : ini);
    UwsgiServer server = new UwsgiServer(this, "server" + (servers.size() + 1), text, port);
    servers.add(server);
    return server;
  }

  /** Writes a file for all to read into the scene's directory. */
  Path file(String name, String text) {
    try {
      Path file = directory.resolve(name);
      Files.createDirectories(file.getParent());
      Files.setPosixFilePermissions(file.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
      Files.writeString(file, expand(text));
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Mounts a file system of so many megabytes below the directory, open to all; ends the test as
   * not run where that is not allowed.
   */
  Path smallDisk(int megabytes) {
    assumeTrue(Processes.root(), "needs root: a small file system to fill up");
    try {
      Path disk = Files.createDirectories(directory.resolve("disk"));
      int mounted =
          command(
                  "mount",
                  "-t",
                  "tmpfs",
                  "-o",
                  "mode=0777,size=" + megabytes + "m",
                  "tmpfs",
                  disk.toString())
              .start()
              .waitFor();
      assumeTrue(mounted == 0, "needs the right to mount: a small file system to fill up");
      closeAtEnd(() -> command("umount", "-l", disk.toString()).start().waitFor());
      return disk;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** Closes it after the test, once all processes are gone; the last one given is closed first. */
  void closeAtEnd(AutoCloseable closeable) {
    closing.add(0, closeable);
  }

  /** Starts an agent for {@code ${state}} as an operator would by hand. */
  Process agent() {
    try {
      return command(
              "java",
              "-jar",
              Installation.ofThisRun().plugin().toString(),
              "agent",
              "--dir",
              state().path().toString())
          .redirectErrorStream(true)
          .redirectOutput(directory.resolve("agent.out").toFile())
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A command whose processes go with the scene, in the scene's directory. */
  ProcessBuilder command(String... words) {
    ProcessBuilder builder = new ProcessBuilder(words).directory(directory.toFile());
    // What the machine's own environment says about Sentry or uWSGI is not part of a test.
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.startsWith("SENTRY_") || name.startsWith("UWSGI_"));
    Reaper.ofThisRun().mark(builder, id);
    return builder;
  }

  /** Ends every process of the scene at once. */
  void reap() {
    Reaper.reap(id);
  }

  String expand(String text) {
    Matcher matcher = PLACEHOLDER.matcher(text);
    StringBuilder expanded = new StringBuilder();
    while (matcher.find()) {
      String value = definitions.get(matcher.group(1));
      if (value == null) {
        throw new IllegalArgumentException("nobody defined " + matcher.group());
      }
      matcher.appendReplacement(expanded, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(expanded).toString();
  }

  static int freePort() {
    return Ports.free();
  }

  private void attachLogs(Throwable failure) {
    for (UwsgiServer server : servers) {
      failure.addSuppressed(new LogTail(server.name() + "'s log", server.log()));
    }
    failure.addSuppressed(
        new LogTail("agent.log", agent == null ? state().agentLog() : agent.log()));
    failure.addSuppressed(new LogTail("the outbox", state().outboxText()));
  }

  private static void remove(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path path, java.io.IOException e)
              throws IOException {
            Files.deleteIfExists(path);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}

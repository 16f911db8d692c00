package io.uwsgisentry.agent;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.journal.RecordWriter;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The class-data archive ({@code agent.jsa}) with which the next agent starts sooner and with less
 * memory.
 *
 * <p>It is made by a rehearsal: a second agent on a small state directory of its own, with a record
 * of each kind and a destination that refuses, so that every class that the real one needs is
 * loaded; at its end the JVM writes the archive. The JVM checks by itself that an archive fits it
 * and the jar, and goes on without where not; a note beside it says which JVM made it, so that
 * another one makes its own.
 */
final class ClassArchive implements AutoCloseable {
  private static final String ARCHIVE = "agent.jsa";
  private static final String NOTE = "agent.jsa.of";
  private static final long PATIENCE_SECONDS = 60;

  private final RuntimeDirectory runtime;
  private final Log log;
  private @Nullable Thread thread;

  ClassArchive(RuntimeDirectory runtime, Log log) {
    this.runtime = runtime;
    this.log = log;
  }

  private static String thisJvm() {
    return System.getProperty("java.vm.version") + "\n" + System.getProperty("java.home") + "\n";
  }

  /**
   * Makes one in the background if there is none for this JVM; takes some seconds of another
   * process of the same priority.
   */
  void provide() {
    if (runtime.holdsTheJar() && thread == null) {
      thread = new Thread(null, this::run, "rehearsal", 256 * 1024);
      thread.setDaemon(true);
      thread.start();
    }
  }

  private void run() {
    try {
      if (isMissing()) {
        log.info(make());
      }
    } catch (IOException e) {
      log.info("no class-data archive, starts take longer: " + e);
    } catch (InterruptedException e) {
      // The agent ends; the next one makes it.
    }
  }

  private boolean isMissing() throws IOException {
    Path note = runtime.home().resolve(NOTE);
    return !Files.exists(note) || !Files.readString(note).equals(thisJvm());
  }

  private String make() throws IOException, InterruptedException {
    Path fresh = runtime.home().resolve("." + ARCHIVE + "-" + ProcessHandle.current().pid());
    Path rehearsal = runtime.home().resolve("rehearsal");
    if (Files.exists(rehearsal)) {
      RuntimeDirectory.remove(rehearsal);
    }
    try {
      write(JournalDirectory.create(rehearsal));
      int status = rehearse(rehearsal, fresh);
      boolean made = status == 0 && Files.exists(fresh);
      if (made) {
        RuntimeDirectory.name(fresh, runtime.home().resolve(ARCHIVE));
      }
      // Also where it failed: a try at each start would fail again.
      Files.writeString(runtime.home().resolve(NOTE), thisJvm());
      return made
          ? "made a class-data archive for faster starts"
          : "no class-data archive: the rehearsal ended with status " + status;
    } finally {
      Files.deleteIfExists(fresh);
      RuntimeDirectory.remove(rehearsal);
    }
  }

  /** Gives up what is not finished. */
  @Override
  public void close() {
    if (thread != null) {
      thread.interrupt();
      try {
        thread.join(500);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private int rehearse(Path rehearsal, Path archive) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
    command.addAll(flags());
    command.add("-XX:ArchiveClassesAtExit=" + archive);
    command.addAll(
        List.of("-jar", runtime.jar().toString(), "agent", "--dir", rehearsal.toString()));
    command.addAll(List.of("--drain-only", "--drain", "1"));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.environment().remove("JDK_JAVA_OPTIONS");
    builder.environment().remove("_JAVA_OPTIONS");
    Process process = builder.start();
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        return -1;
      }
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  /**
   * This JVM's own flags: an archive fits only a JVM with the same. The management beans would tell
   * them, too, for 2 MiB.
   */
  private static List<String> flags() throws IOException {
    String line = Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.UTF_8);
    List<String> flags = new ArrayList<>();
    for (String argument : line.split("\0", -1)) {
      if (argument.equals("-jar") || argument.equals("-cp")) {
        break;
      }
      if (argument.startsWith("-X") && !argument.startsWith("-XX:SharedArchiveFile")) {
        flags.add(argument);
      }
    }
    return flags;
  }

  private static void write(JournalDirectory directory) throws IOException {
    RecordWriter writer = new RecordWriter(directory.live(), directory.key());
    for (Kind kind :
        List.of(Kind.CONFIGURATION, Kind.ALARM, Kind.HOOK, Kind.ROUTE, Kind.EXCEPTION)) {
      for (boolean brief : new boolean[] {false, true}) {
        writer.append(record(kind, brief));
      }
    }
  }

  private static Record record(Kind kind, boolean brief) {
    String handler = "alarm rehearsal";
    List<Fields.Field> fields = new ArrayList<>();
    if (!brief) {
      field(fields, "instance", "rehearsal");
      field(fields, "handler", handler);
      // Nobody listens at port 1, and nothing leaves the machine if somebody does but a rehearsal.
      field(fields, "options", "dsn=http://key@127.0.0.1:1/1,message=rehearsal,tags=a:b");
      field(fields, "text", "worker 1 (pid: 4711) rehearses, 10 times");
      field(fields, "exception.type", "Rehearsal");
      field(fields, "exception.value", "none");
    }
    return new Record(
        UUID.randomUUID().toString().replace("-", ""),
        kind.code(),
        ProcessKind.WORKER,
        brief,
        false,
        System.currentTimeMillis() * 1000,
        1,
        1,
        0,
        Handler.hash("", "rehearsal", handler),
        kind.code(),
        new Fields(fields));
  }

  private static void field(List<Fields.Field> fields, String name, String value) {
    fields.add(new Fields.Field(name, value.getBytes(StandardCharsets.UTF_8)));
  }
}

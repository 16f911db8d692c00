package io.uwsgisentry.bench;

import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.RecordWriter;
import io.uwsgisentry.testkit.Receiver;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * (c) The agent without a server: started by the very script that uWSGI runs, so with its limits,
 * its scheduling class and its class archive, on a journal that was written before.
 */
final class AgentAlone {
  private static final Duration LONG = Duration.ofMinutes(5);

  private final Build build;
  private final Report report;
  private final int starts;
  private final int records;
  private final int idleSeconds;

  AgentAlone(Build build, Report report, int starts, int records, int idleSeconds) {
    this.build = build;
    this.report = report;
    this.starts = starts;
    this.records = records;
    this.idleSeconds = idleSeconds;
  }

  void run() throws IOException, InterruptedException {
    report.heading("(c) the agent alone");
    try (Scratch scratch = new Scratch();
        Receiver receiver = Receiver.with().keep(Receiver.Keep.COUNTS).start()) {
      Path state = scratch.path("state");
      prepare(scratch, receiver);
      Samples samples = new Samples(receiver.dsn());
      start(scratch, state, receiver, samples);
      List<String> command = idle(scratch, state, receiver, samples);
      load(scratch, state, receiver, samples);
      steps(scratch, command, receiver);
    }
  }

  /** (r) The agent after an outage. */
  void recover(int waiting) throws IOException, InterruptedException {
    report.heading("(r) recovery");
    try (Scratch scratch = new Scratch();
        Receiver receiver = Receiver.with().keep(Receiver.Keep.COUNTS).start()) {
      prepare(scratch, receiver);
      new Recovery(this, report, waiting).run(scratch, scratch.path("state"));
    }
  }

  /** Lets a server write the script and the agent its class archive. */
  private void prepare(Scratch scratch, Receiver receiver) throws IOException {
    System.err.println("(c) preparing");
    String options =
        "plugin = %s\nsentry-dsn = %s\nsentry-dir = %s\nhook-post-app = sentry:message=hello\n"
            .formatted(build.plugin(), receiver.dsn(), scratch.path("state"));
    try (Server server = Server.start(scratch, options)) {
      receiver.awaitEvents(1, Duration.ofSeconds(60));
      if (!archived(scratch.path("state"))) {
        report.row("class archive", "none was made");
      }
    }
  }

  /** Waits for the class archive, which is made once the agent has been idle for a while. */
  static boolean archived(Path state) throws IOException {
    Path runtime = state.resolve("runtime");
    // The note beside it comes last.
    long end = System.nanoTime() + Duration.ofSeconds(120).toNanos();
    while (find(runtime, "agent.jsa.of").isEmpty() && System.nanoTime() < end) {
      Scratch.pause(Duration.ofMillis(200));
    }
    return find(runtime, "agent.jsa").isPresent();
  }

  private static Optional<Path> find(Path directory, String name) throws IOException {
    if (!Files.isDirectory(directory)) {
      return Optional.empty();
    }
    try (var files = Files.walk(directory)) {
      return files.filter(f -> f.getFileName().toString().equals(name)).findFirst();
    }
  }

  /** From the script's start, a shell's and the JVM's, to the first event at the receiver. */
  private void start(Scratch scratch, Path state, Receiver receiver, Samples samples)
      throws IOException, InterruptedException {
    List<Double> millis = new ArrayList<>();
    for (int i = 0; i < starts; i++) {
      System.err.printf("(c) start %d%n", i + 1);
      fill(state, samples, 1);
      receiver.clear();
      long before = System.nanoTime();
      Process master = launch(scratch, state);
      receiver.awaitEvents(1, LONG);
      millis.add((System.nanoTime() - before) / 1e6);
      end(master, state);
    }
    report.row(
        "process start to first delivery, ms, median of " + starts,
        new Figures(millis).text(Figures::whole));
  }

  /** Returns the JVM's command line. */
  private List<String> idle(Scratch scratch, Path state, Receiver receiver, Samples samples)
      throws IOException, InterruptedException {
    System.err.println("(c) idle");
    fill(state, samples, 20);
    receiver.clear();
    Process master = launch(scratch, state);
    receiver.awaitEvents(20, LONG);
    Scratch.pause(Duration.ofSeconds(10));
    long agent = agent(state);
    long before = Proc.processorTicks(agent);
    long start = System.nanoTime();
    Scratch.pause(Duration.ofSeconds(idleSeconds));
    double share = (Proc.processorTicks(agent) - before) * 1e7 / (System.nanoTime() - start);
    report.row(
        "resident memory idle, after 20 events, MiB",
        Figures.one(Proc.mebibytes(agent, "VmRSS")),
        "64");
    report.row(
        "processor idle, %% of a core over %d s".formatted(idleSeconds),
        String.format(java.util.Locale.ROOT, "%.3f %%", share * 100),
        "below 0.2 %");
    List<String> command = Proc.command(agent);
    end(master, state);
    return command;
  }

  private void load(Scratch scratch, Path state, Receiver receiver, Samples samples)
      throws IOException, InterruptedException {
    System.err.println("(c) load");
    fill(state, samples, records);
    receiver.clear();
    Process master = launch(scratch, state);
    receiver.awaitEvents(1, LONG);
    long agent = agent(state);
    long ticks = Proc.processorTicks(agent);
    long start = System.nanoTime();
    receiver.awaitEvents(records, LONG);
    double seconds = (System.nanoTime() - start) / 1e9;
    ticks = Proc.processorTicks(agent) - ticks;
    report.row(
        "events/s from journal to receiver, %s waiting at its start"
            .formatted(Figures.whole(records)),
        Figures.whole(records / seconds),
        "4,000");
    report.row("µs of processor a record, whole agent", Figures.one(ticks * 10_000.0 / records));
    report.row(
        "resident memory under that load, most, MiB",
        Figures.one(Proc.mebibytes(agent, "VmHWM")),
        "80");
    end(master, state);
    report.row(
        "arrived of " + Figures.whole(records),
        Figures.whole((double) receiver.counts().accepted()));
  }

  /** Each step alone, in a JVM with the agent's limits. */
  private void steps(Scratch scratch, List<String> command, Receiver receiver)
      throws IOException, InterruptedException {
    System.err.println("(c) steps");
    Path state = scratch.path("steps");
    JournalDirectory.create(state);
    int each = Math.min(records, 20_000);
    fill(state, new Samples(receiver.dsn()), each);
    List<String> java = new ArrayList<>(command.subList(0, command.indexOf("-jar")));
    java.removeIf(flag -> flag.startsWith("-XX:SharedArchiveFile"));
    java.addAll(
        List.of("-cp", Build.classPath(), Steps.class.getName(), state.toString(), "" + each));
    if (scratch.start("steps", java).waitFor() != 0) {
      throw new IOException("steps:\n" + scratch.log("steps"));
    }
    scratch
        .log("steps")
        .lines()
        .filter(line -> line.matches("[a-z.]+ [0-9.]+"))
        .forEach(
            line -> {
              String[] part = line.split(" ");
              report.row("µs a record, " + WORDS.getOrDefault(part[0], part[0]), part[1]);
            });
  }

  private static final java.util.Map<String, String> WORDS =
      java.util.Map.of(
          "read", "read from the journal",
          "build", "build the event and its JSON",
          "store", "store in the outbox, 200 a transaction",
          "send", "send and settle, elapsed",
          "send.processor", "send and settle, processor time of all threads");

  private static void fill(Path state, Samples samples, int records) throws IOException {
    JournalDirectory journal = JournalDirectory.at(state);
    byte[] key = journal.key();
    try (OutputStream out =
        new BufferedOutputStream(
            Files.newOutputStream(
                journal.live(), StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
      for (int i = 0; i < records; i++) {
        out.write(RecordWriter.bytes(samples.next(), key));
      }
    }
  }

  /** Starts an agent; the returned process passes for the server it belongs to. */
  Process launch(Scratch scratch, Path state) throws IOException {
    Process master = scratch.start("master", List.of("sleep", "3600"));
    String script = build.root().resolve("native/agent/supervise.sh").toString();
    scratch.start(
        "agent",
        List.of(
            "sh",
            "-c",
            "exec sh -s \"$@\" <" + script,
            "sh",
            "detached",
            build.plugin().toString(),
            state.toString(),
            Build.java(),
            "2",
            "",
            "" + master.pid()));
    return master;
  }

  static long agent(Path state) {
    return Proc.find("agent", "--dir", state.toString()).orElseThrow();
  }

  static void end(Process master, Path state) {
    master.destroyForcibly();
    Scratch.await(
        "the agent to end",
        Duration.ofSeconds(30),
        () -> Proc.find("--dir", state.toString()).isEmpty());
  }
}

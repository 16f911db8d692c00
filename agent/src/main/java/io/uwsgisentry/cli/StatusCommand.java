package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import io.uwsgisentry.console.Status;
import io.uwsgisentry.console.StatusPage;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.outbox.DamagedOutbox;
import io.uwsgisentry.outbox.Disk;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.settings.ConfigWarning;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry status}. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Shows whether the agent is running, what is waiting, what was lost and why. The first line is OK, or a line"
          + " PROBLEM for each thing to look at.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:OK",
      "1:at least one PROBLEM: records or events are waiting and no agent is running, the disk is full, sending fails or is paused, events"
          + " have waited too long, are dead or undeliverable",
      ExitCode.USAGE_LINE,
      ExitCode.UNAVAILABLE_LINE
    })
final class StatusCommand implements Callable<Integer> {
  /** An agent takes what there is within seconds, a million records within a minute. */
  private static final Duration STUCK_AFTER = Duration.ofMinutes(5);

  private final Environment surroundings;

  @Spec CommandSpec spec = CommandSpec.create();
  @Mixin DirectoryOption directory = new DirectoryOption();

  @Option(names = "--json", description = "One JSON object.")
  boolean json;

  @Option(
      names = "--max-wait",
      paramLabel = "TIME",
      defaultValue = "15m",
      description =
          "How long an event may wait to be sent before that is a problem: 90s, 15m, 2h (default: ${DEFAULT-VALUE}).")
  String maxWait = "";

  StatusCommand(Environment surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Unavailable, IOException {
    Duration longest = TimeArgument.duration("--max-wait", maxWait, spec);
    Status status = look(directory.existing(surroundings), longest);
    PrintWriter out = spec.commandLine().getOut();
    out.print(
        json
            ? StatusPage.json(status)
            : StatusPage.text(status, surroundings.zone(), surroundings.width()));
    return status.problems().isEmpty() ? ExitCode.DONE : ExitCode.NO;
  }

  private Status look(Path path, Duration longest) throws IOException {
    AgentStatus.Holder holder = AgentStatus.holder(path.resolve("agent.lock"));
    int files = 0;
    long bytes = 0;
    List<String> stuck = new ArrayList<>();
    Instant longAgo = surroundings.clock().instant().minus(STUCK_AFTER);
    for (Path file : journal(path.resolve("journal"))) {
      long size = size(file);
      files += size > 0 ? 1 : 0;
      bytes += size;
      String name = String.valueOf(file.getFileName());
      if (holder.present() && size > 0 && name.startsWith("sealed-") && isOlder(file, longAgo)) {
        stuck.add(name);
      }
    }
    return new Status(
        path,
        holder.present(),
        holder.pid(),
        holder.present() ? null : FailedStarts.in(path),
        files,
        bytes,
        stuck,
        DamagedOutbox.putAside(path.resolve("outbox.db")).stream()
            .map(file -> String.valueOf(file.getFileName()))
            .toList(),
        Changes.of(path),
        JournalDirectory.at(path).unread().stream()
            .map(file -> String.valueOf(file.getFileName()))
            .toList(),
        contents(path),
        Disk.of(path),
        surroundings.clock().instant(),
        longest);
  }

  private static boolean isOlder(Path file, Instant than) {
    try {
      return Files.getLastModifiedTime(file).toInstant().isBefore(than);
    } catch (IOException e) {
      // The agent has taken it.
      return false;
    }
  }

  private static List<Path> journal(Path journal) throws IOException {
    try (Stream<Path> files = Files.list(journal)) {
      return files.filter(file -> file.getFileName().toString().matches("live|sealed-.*")).toList();
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  /** The agent unlinks files whenever it likes. */
  private static long size(Path file) throws IOException {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).size();
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  private static Status.@Nullable Contents contents(Path path) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(path.resolve("outbox.db"))) {
      return new Status.Contents(
          outbox.reader().states(),
          outbox.reader().destinations(),
          outbox.reader().counters(),
          outbox.reader().storms(),
          ConfigWarning.current(outbox.reader().handlers()));
    } catch (NoSuchFileException e) {
      return null;
    }
  }
}

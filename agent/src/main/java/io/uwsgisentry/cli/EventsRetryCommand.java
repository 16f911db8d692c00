package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import io.uwsgisentry.console.Text;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Resolver;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry events retry}. */
@Command(
    name = "retry",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Makes events ready to be sent at once: dead ones, those that wait for a later time, and those without a"
          + " destination whose handler has a usable DSN by now.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:at least one event is ready now",
      "1:none could be made ready",
      ExitCode.USAGE_LINE,
      ExitCode.UNAVAILABLE_LINE
    })
final class EventsRetryCommand implements Callable<Integer> {
  private final Environment surroundings;

  @Spec CommandSpec spec = CommandSpec.create();
  @Mixin DirectoryOption directory = new DirectoryOption();

  @Parameters(
      paramLabel = "ID",
      arity = "0..*",
      description = "The events' ids, or as much of their beginnings as is unique.")
  List<String> ids = List.of();

  @Option(names = "--all", description = "All that are not delivered.")
  boolean all;

  EventsRetryCommand(Environment surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Unavailable, IOException {
    if (all == !ids.isEmpty()) {
      throw new ParameterException(spec.commandLine(), "name events by their ids, or write --all");
    }
    Path path = directory.existing(surroundings);
    checkOwner(path);
    List<String> wanted = all ? undelivered(path) : named(path);
    if (wanted.isEmpty()) {
      if (all) {
        spec.commandLine().getOut().println("no events that are not delivered");
      }
      return ExitCode.NO;
    }
    int ready;
    // It needs no secrets but the directory's own: options and defaults are in the outbox.
    Resolver resolver =
        handler ->
            HandlerSettings.of(handler.handler(), handler.options(), handler.defaults())
                .destination();
    try (Outbox outbox = Outbox.open(path.resolve("outbox.db"))) {
      ready = outbox.retry(wanted, resolver);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        Text.count(wanted.size(), "event")
            + " looked at, "
            + ready
            + " ready to be sent"
            + (ready > 0 && !AgentStatus.holder(path.resolve("agent.lock")).present()
                ? "; no agent is running, the next one sends them"
                : ""));
    return ready > 0 ? ExitCode.DONE : ExitCode.NO;
  }

  /**
   * SQLite's companion files belong to the user that opens the database first: root's would keep
   * the agent out.
   */
  private void checkOwner(Path path) throws Unavailable, IOException {
    long owner = ((Number) Files.getAttribute(path, "unix:uid")).longValue();
    if (owner != surroundings.uid()) {
      throw new Unavailable(
          "only the owner of " + path + " may change it: run this with sudo -u '#" + owner + "'");
    }
  }

  private static List<String> undelivered(Path path) throws IOException {
    return OutboxReading.read(
        path,
        List.of(),
        outbox ->
            outbox
                .reader()
                .list(
                    Filter.of(State.READY, State.DEAD, State.UNDELIVERABLE, State.LOCAL),
                    Integer.MAX_VALUE)
                .stream()
                .map(Entry::id)
                .toList());
  }

  /** None where one of them is not found: then nothing is changed, and the reason is printed. */
  private List<String> named(Path path) throws IOException {
    List<String> wanted = new ArrayList<>();
    for (String id : ids) {
      List<Entry> found = EventId.find(path, id, 2, spec);
      if (found.size() != 1) {
        spec.commandLine()
            .getErr()
            .println(
                (found.isEmpty()
                        ? "uwsgi-sentry: there is no event whose id begins with "
                        : "uwsgi-sentry: more than one event's id begins with ")
                    + Text.line(id)
                    + "; nothing was changed");
        return List.of();
      }
      wanted.add(found.get(0).id());
    }
    return wanted;
  }
}

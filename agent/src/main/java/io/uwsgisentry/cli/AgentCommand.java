package io.uwsgisentry.cli;

import io.uwsgisentry.delivery.Delivery;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.settings.InstanceOption;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry agent}. */
@Command(
    name = "agent",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Sends what uWSGI's processes recorded in a state directory.",
      "",
      "uWSGI starts it by itself (sentry-agent = auto). Run it by hand, or from systemd or a container of its"
          + " own, for a server with sentry-agent = external. One agent serves a directory: a second one ends at once.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.DONE_LINE,
      "1:it could not start or go on; agent.log in the directory says why",
      ExitCode.USAGE_LINE,
      "75:another agent serves the directory",
      "76:the directory holds files of a newer version, which are left to that"
    })
final class AgentCommand implements Callable<Integer> {
  private final AgentRunner runner;
  private final Surroundings surroundings;

  @Spec CommandSpec spec = CommandSpec.create();
  @Mixin DirectoryOption directory = new DirectoryOption();

  @Option(
      names = "--master",
      paramLabel = "PID",
      description = "Drain and end when this process is gone.")
  @Nullable Long master;

  @Option(
      names = "--drain",
      paramLabel = "SECONDS",
      defaultValue = "2",
      description = "How long to go on delivering when told to stop (default: ${DEFAULT-VALUE}).")
  double drain;

  @Option(
      names = "--drain-only",
      description = "Take what is in the journal, deliver for as long as --drain says, and end.")
  boolean drainOnly;

  @Option(
      names = "--outbox-max",
      paramLabel = "SIZE",
      description = "Bytes of events that are kept until they are sent (default: 256m).")
  @Nullable String outboxMax;

  @Option(
      names = "--outbox-age",
      paramLabel = "AGE",
      description = "How long an event waits to be sent (default: 7d).")
  @Nullable String outboxAge;

  @Option(
      names = "--outbox-entries",
      paramLabel = "N",
      description = "How many events may wait for one destination (default: 250000).")
  @Nullable String outboxEntries;

  @Option(
      names = "--event-max",
      paramLabel = "SIZE",
      description = "Bytes of one event (default: 1m).")
  @Nullable String eventMax;

  @Option(
      names = "--history",
      paramLabel = "AGE,SIZE",
      description = "How much is kept of what was delivered (default: 7d,50m).")
  @Nullable String history;

  @Option(
      names = "--lanes",
      paramLabel = "N",
      description = "How many requests are under way at once (default: 64).")
  @Nullable String lanes;

  AgentCommand(AgentRunner runner, Surroundings surroundings) {
    this.runner = runner;
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    return runner.run(
        new AgentRunner.Arguments(
            directory.resolve(surroundings),
            master,
            Duration.ofMillis((long) (drain * 1000)),
            drainOnly,
            bounds(),
            lanes()));
  }

  private Bounds bounds() {
    Bounds bounds = Bounds.DEFAULT;
    bounds = with(bounds, InstanceOption.OUTBOX_MAX, outboxMax);
    bounds = with(bounds, InstanceOption.OUTBOX_AGE, outboxAge);
    bounds = with(bounds, InstanceOption.OUTBOX_ENTRIES, outboxEntries);
    bounds = with(bounds, InstanceOption.EVENT_MAX, eventMax);
    return with(bounds, InstanceOption.HISTORY, history);
  }

  private int lanes() {
    String fault = lanes == null ? null : InstanceOption.LANES.fault(lanes);
    if (fault != null) {
      throw odd(InstanceOption.LANES, lanes, fault);
    }
    return lanes == null ? Delivery.LANES : Integer.parseInt(lanes);
  }

  private Bounds with(Bounds bounds, InstanceOption option, @Nullable String value) {
    try {
      return value == null ? bounds : bounds.with(option, value);
    } catch (IllegalArgumentException e) {
      throw odd(option, value, e.getMessage());
    }
  }

  private ParameterException odd(
      InstanceOption option, @Nullable String value, @Nullable String fault) {
    return new ParameterException(
        spec.commandLine(), option.key().replaceFirst("sentry", "-") + " " + value + ": " + fault);
  }
}

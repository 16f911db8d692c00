package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import io.uwsgisentry.settings.InstanceOption;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
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
      "uWSGI starts it (sentry-agent = auto). Run it by hand, or from systemd or a container of its"
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
  private final Environment surroundings;

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

  AgentCommand(AgentRunner runner, Environment surroundings) {
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
            given()));
  }

  /**
   * Adds the options for the bounds, which uWSGI gives on of its own ones, from their one table.
   */
  static CommandLine withBounds(CommandLine command) {
    for (InstanceOption option : InstanceOption.bounds()) {
      InstanceOption.Bound bound = option.bound();
      command
          .getCommandSpec()
          .addOption(
              OptionSpec.builder(option.flag())
                  .type(String.class)
                  .paramLabel(bound.shape())
                  .description(bound.meaning() + " (default: " + bound.standard() + ").")
                  .build());
    }
    return command;
  }

  private Map<InstanceOption, String> given() {
    Map<InstanceOption, String> given = new EnumMap<>(InstanceOption.class);
    for (InstanceOption option : InstanceOption.bounds()) {
      String value = spec.findOption(option.flag()).getValue();
      if (value == null) {
        continue;
      }
      String fault = option.fault(value);
      if (fault != null) {
        throw new ParameterException(
            spec.commandLine(), option.flag() + " " + value + ": " + fault);
      }
      given.put(option, value);
    }
    return given;
  }
}

package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import io.uwsgisentry.console.Text;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line: {@code uwsgi-sentry COMMAND}. */
@Command(
    name = "uwsgi-sentry",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = {"Reports what goes wrong in a uWSGI server to Sentry.", ""},
    commandListHeading = "%nCommands:%n",
    footer = {"", "uwsgi-sentry COMMAND --help shows the options and exit codes of a command."})
public final class UwsgiSentry {
  private UwsgiSentry() {}

  /**
   * The whole command line, ready to execute.
   *
   * @param agent what {@code uwsgi-sentry agent} runs
   */
  public static CommandLine commandLine(AgentRunner agent) {
    return commandLine(agent, Environment.ofThisProcess());
  }

  static CommandLine commandLine(AgentRunner agent, Environment surroundings) {
    CommandLine events =
        new CommandLine(new EventsCommand(surroundings))
            .addSubcommand(new EventsShowCommand(surroundings))
            .addSubcommand(new EventsRetryCommand(surroundings));
    CommandLine root =
        new CommandLine(new UwsgiSentry())
            .addSubcommand(
                AgentCommand.withBounds(new CommandLine(new AgentCommand(agent, surroundings))))
            .addSubcommand(new StatusCommand(surroundings))
            .addSubcommand(events)
            .addSubcommand(new CheckCommand(surroundings))
            .addSubcommand(new CompletionCommand());
    int width = surroundings.width();
    return root.setUsageHelpWidth(width == 0 ? 100 : Math.max(60, Math.min(width, 120)))
        .setOut(new Output(new FileOutputStream(FileDescriptor.out)))
        .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
        .setExecutionStrategy(UwsgiSentry::run)
        .setExecutionExceptionHandler(UwsgiSentry::tell);
  }

  /**
   * Pages are printed without a line break at the end, which would flush them; and the process ends
   * with exit(). What cannot be written was not said: the exit code must not claim that it was.
   */
  private static int run(CommandLine.ParseResult result) {
    int code = ExitCode.UNAVAILABLE;
    try {
      code = new CommandLine.RunLast().execute(result);
    } finally {
      result.asCommandLineList().forEach(command -> command.getOut().flush());
    }
    String fault = result.commandSpec().commandLine().getOut() instanceof Output o ? o.fault() : "";
    if (fault.isEmpty()) {
      return code;
    }
    result
        .commandSpec()
        .commandLine()
        .getErr()
        .println("uwsgi-sentry: the output could not be written: " + fault);
    return ExitCode.UNAVAILABLE;
  }

  /** What a person can act upon is one sentence; a bug keeps its stack trace. */
  private static int tell(Exception e, CommandLine command, CommandLine.ParseResult result)
      throws Exception {
    if (!(e instanceof Unavailable) && !(e instanceof IOException)) {
      throw e;
    }
    command.getErr().println("uwsgi-sentry: " + Text.line(sentence(e)));
    return ExitCode.UNAVAILABLE;
  }

  /** The messages of these two are nothing but the file's name. */
  private static String sentence(Exception e) {
    if (e instanceof AccessDeniedException) {
      return "you may not read " + e.getMessage();
    }
    return e instanceof NoSuchFileException
        ? "there is no " + e.getMessage()
        : String.valueOf(e.getMessage());
  }
}

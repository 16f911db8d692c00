package io.uwsgisentry.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry completion}: what bash and zsh need to complete the other commands. */
@Command(
    name = "completion",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Prints a script for bash and zsh that completes commands and options: source <(uwsgi-sentry completion)",
      ""
    })
final class CompletionCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    var root = spec.root();
    String script = AutoComplete.bash(root.name(), root.commandLine());
    // It is read by a shell and no program of its own.
    spec.commandLine().getOut().print(script.replaceFirst("^#!.*\\n", ""));
    return ExitCode.DONE;
  }
}

package io.uwsgisentry.agent;

import io.uwsgisentry.cli.AgentRunner;
import io.uwsgisentry.cli.UwsgiSentry;
import java.io.IOException;
import java.util.Optional;
import picocli.CommandLine;

/** Where {@code java -jar sentry_plugin.so} starts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    Optional<AgentRunner.Arguments> supervised = SupervisedStart.read(arguments);
    System.exit(supervised.isPresent() ? agent(supervised.get()) : commandLine(arguments));
  }

  private static int agent(AgentRunner.Arguments arguments) {
    try {
      return Agent.run(arguments);
    } catch (IOException e) {
      System.err.println("uwsgi-sentry: " + e);
      return Agent.FAILED;
    }
  }

  private static int commandLine(String... arguments) {
    CommandLine commandLine = UwsgiSentry.commandLine(Agent::run);
    return commandLine.execute(arguments);
  }
}

package io.uwsgisentry.agent;

import io.uwsgisentry.cli.UwsgiSentry;
import picocli.CommandLine;

/** Where {@code java -jar sentry_plugin.so} starts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    CommandLine commandLine = UwsgiSentry.commandLine(Agent::run);
    int code = commandLine.execute(arguments);
    commandLine.getOut().flush();
    System.exit(code);
  }
}

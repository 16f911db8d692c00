package io.uwsgisentry.agent;

import io.uwsgisentry.cli.UwsgiSentry;

/** Where {@code java -jar sentry_plugin.so} starts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    System.exit(
        UwsgiSentry.commandLine(
                agent -> {
                  throw new UnsupportedOperationException("the agent is not wired yet");
                })
            .execute(arguments));
  }
}

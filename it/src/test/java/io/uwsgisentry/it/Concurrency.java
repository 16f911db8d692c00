package io.uwsgisentry.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** The ways in which a worker serves several requests at once. */
final class Concurrency {
  private Concurrency() {}

  /**
   * This configuration with one of the options {@code threads}, {@code gevent}, {@code greenlet} or
   * none, and what belongs to it; the test needs the plugin that it takes.
   */
  static String of(String ini, String option) {
    String plugin =
        option.startsWith("gevent")
            ? "gevent_python3"
            : option.startsWith("greenlet") ? "greenlet_python3" : "";
    String more =
        switch (plugin) {
          case "gevent_python3" -> "\nenable-threads = true\nsocket-timeout = 30\n";
          case "greenlet_python3" -> "\nasync = 10\nsocket-timeout = 30\n";
          default -> "\n";
        };
    if (!plugin.isEmpty()) {
      assumeTrue(Installation.hasPlugin(plugin), () -> "needs uWSGI's plugin " + plugin);
      ini = ini.replace("plugins = python3,", "plugins = python3," + plugin + ",");
    }
    return ini + option + more;
  }
}

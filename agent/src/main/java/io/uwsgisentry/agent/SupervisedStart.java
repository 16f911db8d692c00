package io.uwsgisentry.agent;

import io.uwsgisentry.cli.AgentRunner;
import io.uwsgisentry.settings.InstanceOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The one command line that the supervising script writes, read without picocli: its classes, which
 * no class-data archive takes (they are of Java 5's format), would cost every server memory for as
 * long as it runs, and time before the first event. Whatever is not exactly of this form is left to
 * picocli.
 */
final class SupervisedStart {
  private @Nullable Path directory;
  private @Nullable Long master;
  private Duration drain = Duration.ofSeconds(2);
  private boolean drainOnly;
  private final Map<InstanceOption, String> given = new EnumMap<>(InstanceOption.class);

  private SupervisedStart() {}

  /**
   * {@code agent --dir DIR [--master PID] [--drain SECONDS] [--drain-only]} and the bounds, or
   * nothing.
   */
  static Optional<AgentRunner.Arguments> read(String... arguments) {
    return new SupervisedStart().parse(arguments);
  }

  private Optional<AgentRunner.Arguments> parse(String... arguments) {
    if (arguments.length == 0 || !arguments[0].equals("agent")) {
      return Optional.empty();
    }
    for (int i = 1; i < arguments.length; i++) {
      if (arguments[i].equals("--drain-only")) {
        drainOnly = true;
      } else if (i + 1 == arguments.length || !option(arguments[i], arguments[++i])) {
        return Optional.empty();
      }
    }
    return directory == null
        ? Optional.empty()
        : Optional.of(new AgentRunner.Arguments(directory, master, drain, drainOnly, given));
  }

  private boolean option(String name, String value) {
    switch (name) {
      case "--dir" -> directory = Path.of(value);
      case "--master" -> {
        if (!value.matches("[0-9]{1,10}")) {
          return false;
        }
        master = Long.valueOf(value);
      }
      case "--drain" -> {
        if (!value.matches("[0-9]{1,6}")) {
          return false;
        }
        drain = Duration.ofSeconds(Long.parseLong(value));
      }
      default -> {
        InstanceOption option = InstanceOption.of(name.replaceFirst("^-", "sentry"));
        if (option == null
            || !InstanceOption.bounds().contains(option)
            || option.fault(value) != null) {
          return false;
        }
        given.put(option, value);
      }
    }
    return true;
  }
}

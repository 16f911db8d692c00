package io.uwsgisentry.cli;

import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.settings.InstanceOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the command {@code agent} starts; the package {@code agent}, which knows all others,
 * supplies it.
 */
@FunctionalInterface
public interface AgentRunner {

  /**
   * Runs until it is told to stop or has nothing left to do.
   *
   * @return the exit code of the process
   */
  int run(Arguments arguments) throws Exception;

  /**
   * The command's options.
   *
   * @param directory the state directory
   * @param master process id of the uWSGI master; when it is gone, the agent drains and ends. Null:
   *     the agent runs until SIGTERM
   * @param drain how long it goes on delivering after it was told to stop
   * @param drainOnly it takes what is in the journal, delivers for as long as {@code drain} says,
   *     and ends
   * @param given those of {@link InstanceOption#bounds} that were given; they have no fault
   */
  record Arguments(
      Path directory,
      @Nullable Long master,
      Duration drain,
      boolean drainOnly,
      Map<InstanceOption, String> given) {
    /** Of what it keeps. */
    public Bounds bounds() {
      return Bounds.of(given);
    }

    /** How many requests may be in flight at once. */
    public int maxRequests() {
      return Integer.parseInt(InstanceOption.MAX_REQUESTS.in(given));
    }
  }
}

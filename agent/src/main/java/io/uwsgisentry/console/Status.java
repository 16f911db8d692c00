package io.uwsgisentry.console;

import io.uwsgisentry.outbox.Advice;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.DestinationTally;
import io.uwsgisentry.outbox.FoldTally;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What there is to know of a state directory at one moment.
 *
 * @param agentRuns whether an agent holds the directory's lock
 * @param agentPid its process id, null if that cannot be seen from here
 * @param journalFiles files that the agent has not finished, the one that is appended to included
 * @param journalBytes their size
 * @param stuck names of the files that a running agent has not been able to take for minutes
 * @param damaged names of the databases that were put aside because they could not be read
 * @param outbox null as long as no agent has made the database
 */
public record Status(
    Path directory,
    boolean agentRuns,
    @Nullable Long agentPid,
    int journalFiles,
    long journalBytes,
    List<String> stuck,
    List<String> damaged,
    @Nullable Contents outbox,
    Instant now) {

  /**
   * What is in the outbox.
   *
   * @param entries how many entries are in each state; states without entries are left out
   * @param folding what was counted and is still to be told of
   * @param warnings what to mend in the servers' configurations
   */
  public record Contents(
      Map<State, Tally> entries,
      List<DestinationTally> destinations,
      List<Counter> counters,
      FoldTally folding,
      List<Advice> warnings) {}

  /** Whether there is work that nobody does. */
  public boolean waitsForAgent() {
    return !agentRuns
        && (journalBytes > 0 || (outbox != null && outbox.entries().containsKey(State.READY)));
  }
}

package io.uwsgisentry.console;

import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.DestinationTally;
import io.uwsgisentry.outbox.Disk;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.StormTally;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.settings.ConfigWarning;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What there is to know of a state directory at one moment.
 *
 * @param agentRuns whether an agent holds the directory's lock
 * @param agentPid its process id, null if that cannot be seen from here
 * @param failedStart why no agent could be started; null if one runs or none failed
 * @param journalFiles files that the agent has not finished, the one that is appended to included
 * @param journalBytes their size
 * @param stuck names of the files that a running agent has not been able to take for minutes
 * @param damaged names of the databases that were put aside because they could not be read
 * @param changes what others did to the directory under its agent, oldest first
 * @param unread names of journal files that were made with another key, and are kept
 * @param outbox null as long as no agent has made the database
 * @param disk that it is on
 * @param maxWait how long an event may wait to be sent before that is a problem
 */
public record Status(
    Path directory,
    boolean agentRuns,
    @Nullable Long agentPid,
    @Nullable FailedStart failedStart,
    int journalFiles,
    long journalBytes,
    List<String> stuck,
    List<String> damaged,
    List<Changes.Change> changes,
    List<String> unread,
    @Nullable Contents outbox,
    Disk disk,
    Instant now,
    Duration maxWait) {

  private static final Duration REMEMBERED = Duration.ofDays(1);

  /**
   * Starts of the agent that failed, in a row.
   *
   * @param reason of the last one
   * @param next when it is tried again, at the latest: a reload of the server tries at once
   */
  public record FailedStart(int times, String reason, Instant next) {}

  /**
   * What is in the outbox.
   *
   * @param entries how many entries are in each state; states without entries are left out
   * @param storms what was counted and is still to be reported
   * @param warnings what to fix in the servers' configurations
   */
  public record Contents(
      Map<State, Tally> entries,
      List<DestinationTally> destinations,
      List<Counter> counters,
      StormTally storms,
      List<ConfigWarning> warnings) {}

  /**
   * What a person has to look at, the gravest first, one short sentence each. Empty: all is well.
   * {@code status} ends with exit code 1 if there is any.
   */
  public List<String> problems() {
    List<String> problems = new ArrayList<>();
    if (failedStart != null) {
      problems.add("the agent does not start: " + Text.line(failedStart.reason()));
    }
    if (waitsForAgent()) {
      problems.add("no agent is running, and records are waiting");
    }
    if (disk.volume().isFull()) {
      problems.add(
          "the disk is full: "
              + Text.bytes(disk.volume().free())
              + " are free, and "
              + Text.bytes(disk.volume().kept())
              + " must stay free; new events are not stored");
    }
    if (!stuck.isEmpty()) {
      problems.add(
          Text.count(stuck.size(), "journal file") + " cannot be read: agent.log says why");
    }
    if (!unread.isEmpty()) {
      problems.add(
          Text.count(unread.size(), "journal file")
              + " of another key cannot be read, and is kept");
    }
    changes.stream()
        .filter(change -> change.lost() > 0 && change.time().isAfter(now.minus(REMEMBERED)))
        .forEach(
            change ->
                problems.add(
                    Text.count(change.lost(), "event")
                        + " lost by a change to the directory: "
                        + Text.line(change.what())));
    if (outbox != null) {
      outbox.destinations().forEach(tally -> problem(tally, problems));
      left(State.DEAD, "refused or expired", problems);
      left(State.UNDELIVERABLE, "without a usable DSN", problems);
    }
    return problems;
  }

  private void problem(DestinationTally tally, List<String> problems) {
    String host = tally.dsn().host();
    if (tally.openCircuit() != null) {
      problems.add(
          host
              + " rejects the DSN ("
              + tally.openCircuit().status()
              + "): sending is paused, the circuit is open");
      return;
    }
    if (tally.failing() != null && tally.holds().isEmpty()) {
      problems.add(
          "the last attempt to send to " + host + " failed: " + Text.line(tally.failing()));
      return;
    }
    Instant oldest = tally.oldestReady();
    if (oldest != null && oldest.plus(maxWait).isBefore(now)) {
      problems.add(
          "events for "
              + host
              + " have waited for "
              + Text.age(Duration.between(oldest, now))
              + (tally.holds().isEmpty() ? "" : ", held by its rate limit"));
    }
  }

  private void left(State state, String why, List<String> problems) {
    Tally tally = outbox == null ? null : outbox.entries().get(state);
    if (tally != null && tally.entries() > 0) {
      problems.add(
          Text.count(tally.entries(), "event")
              + " "
              + why
              + ": uwsgi-sentry events --state "
              + Labels.state(state));
    }
  }

  /** Whether there is work, and no agent to do it. */
  public boolean waitsForAgent() {
    return !agentRuns
        && (journalBytes > 0 || (outbox != null && outbox.entries().containsKey(State.READY)));
  }
}

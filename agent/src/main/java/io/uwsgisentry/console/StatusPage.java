package io.uwsgisentry.console;

import io.uwsgisentry.json.Json;
import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.DestinationTally;
import io.uwsgisentry.outbox.Disk;
import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.StormTally;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.outbox.Volume;
import io.uwsgisentry.settings.ConfigWarning;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What {@code uwsgi-sentry status} prints. */
public final class StatusPage {
  private static final State[] ORDER = {
    State.READY, State.DELIVERED, State.LOCAL, State.UNDELIVERABLE, State.DEAD
  };

  private static final int MOST_WARNINGS = 20;
  private static final int MOST_CHANGES = 5;

  private StatusPage() {}

  /**
   * For a person.
   *
   * @param width of the terminal; 0: nothing is cut
   */
  public static String text(Status status, ZoneId zone, int width) {
    StringBuilder out = new StringBuilder();
    List<String> problems = status.problems();
    out.append(problems.isEmpty() ? "OK\n" : "");
    problems.forEach(problem -> out.append("PROBLEM: ").append(problem).append('\n'));
    field(out, "directory", Text.line(status.directory().toString()));
    field(out, "agent", agent(status));
    Status.FailedStart failed = status.failedStart();
    if (failed != null) {
      field(
          out,
          "",
          "failed to start "
              + Text.count(failed.times(), "time")
              + ", tried again "
              + (failed.next().isAfter(status.now())
                  ? "at " + Labels.shortTime(failed.next(), zone)
                  : "now"));
    }
    field(
        out,
        "journal",
        status.journalBytes() == 0
            ? "empty"
            : Text.bytes(status.journalBytes())
                + " in "
                + Text.count(status.journalFiles(), "file"));
    Disk disk = status.disk();
    field(
        out,
        "disk",
        Text.bytes(disk.volume().free())
            + " free"
            + (disk.isSmall()
                ? ", at most " + Text.bytes(disk.quarter()) + " for all of this directory"
                : ""));
    for (String file : status.stuck()) {
      field(out, "stuck", Text.line(file) + " cannot be read: agent.log says why");
    }
    for (String damaged : status.damaged()) {
      field(out, "damaged", Text.line(damaged) + ", put aside; what waited in it is not sent");
    }
    for (String file : status.unread()) {
      field(out, "unread", Text.line(file) + ", kept; its records were made with another key");
    }
    List<Changes.Change> changes = status.changes();
    for (Changes.Change change :
        changes.subList(Math.max(0, changes.size() - MOST_CHANGES), changes.size())) {
      field(
          out, "changed", Text.line(change.what()) + ", " + Labels.shortTime(change.time(), zone));
    }
    Status.Contents outbox = status.outbox();
    if (outbox == null) {
      field(out, "events", "none yet");
      return out.toString();
    }
    field(out, "events", entries(numbers(outbox.entries())));
    long entries = outbox.entries().values().stream().mapToLong(Tally::entries).sum();
    long occurrences = outbox.entries().values().stream().mapToLong(Tally::occurrences).sum();
    if (occurrences > entries) {
      field(out, "", "standing for " + Text.count(occurrences, "occurrence"));
    }
    StormTally storms = outbox.storms();
    if (storms.occurrences() > 0) {
      field(
          out,
          "storms",
          String.format(Locale.ROOT, "%,d counted in ", storms.occurrences())
              + Text.count(storms.storms(), "fault")
              + ", reported when the minute ends");
    }
    for (Counter counter : outbox.counters()) {
      field(out, counterName(counter), counterText(counter, zone));
    }
    List<ConfigWarning> warnings = outbox.warnings();
    for (ConfigWarning warning : warnings.subList(0, Math.min(MOST_WARNINGS, warnings.size()))) {
      field(out, "warning", Text.line(warning.line()));
    }
    if (warnings.size() > MOST_WARNINGS) {
      field(out, "", "and " + Text.count(warnings.size() - MOST_WARNINGS, "more warning"));
    }
    for (DestinationTally tally : outbox.destinations()) {
      out.append('\n');
      destination(out, tally, status.now(), zone, width);
    }
    return out.toString();
  }

  private static void field(StringBuilder out, String name, String value) {
    out.append(String.format(Locale.ROOT, "%-11s  %s%n", name, value));
  }

  private static String agent(Status status) {
    if (!status.agentRuns()) {
      return status.waitsForAgent() ? "not running; records wait for it" : "not running";
    }
    return status.agentPid() == null ? "running" : "running, pid " + status.agentPid();
  }

  private static Map<State, Long> numbers(Map<State, Tally> tallies) {
    Map<State, Long> numbers = new EnumMap<>(State.class);
    tallies.forEach((state, tally) -> numbers.put(state, tally.entries()));
    return numbers;
  }

  private static String entries(Map<State, Long> entries) {
    List<String> parts = new ArrayList<>();
    for (State state : ORDER) {
      long n = entries.getOrDefault(state, 0L);
      if (n > 0) {
        parts.add(String.format(Locale.ROOT, "%,d %s", n, Labels.state(state)));
      }
    }
    return parts.isEmpty() ? "none" : String.join(", ", parts);
  }

  private static String counterName(Counter counter) {
    return counter.name().name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  private static String counterText(Counter counter, ZoneId zone) {
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%,d", counter.quantity()));
    if (!counter.reason().isEmpty()) {
      text.append("  ").append(Text.line(counter.reason()));
    }
    if (!counter.subject().isEmpty()) {
      text.append(" (").append(Text.line(counter.subject())).append(')');
    }
    return text.append(", last ").append(Labels.shortTime(counter.last(), zone)).toString();
  }

  private static void destination(
      StringBuilder out, DestinationTally tally, Instant now, ZoneId zone, int width) {
    out.append(tally.dsn().masked())
        .append(tally.verify() ? "" : "  (any certificate)")
        .append(
            tally.reach().words().isEmpty() ? "" : "  (" + Text.line(tally.reach().words()) + ")")
        .append('\n');
    indented(out, "events", entries(tally.entries()), width);
    Instant oldest = tally.oldestReady();
    if (oldest != null) {
      indented(out, "waiting", "for " + Text.age(Duration.between(oldest, now)), width);
    }
    new TreeMap<>(tally.holds())
        .forEach(
            (category, until) ->
                indented(
                    out,
                    "held",
                    (category.isEmpty() ? "everything" : Text.line(category))
                        + " until "
                        + Labels.shortTime(until, zone)
                        + ", as the server asked",
                    width));
    OpenCircuit openCircuit = tally.openCircuit();
    if (openCircuit != null) {
      indented(
          out,
          "circuit",
          "open since "
              + Labels.shortTime(openCircuit.since(), zone)
              + ": "
              + OpenCircuit.advice(openCircuit.status()),
          width);
      indented(
          out,
          "",
          (openCircuit.next().isAfter(now)
                  ? "next try at " + Labels.shortTime(openCircuit.next(), zone)
                  : "next try when an agent starts")
              + ", at once with `uwsgi-sentry events retry --all`",
          width);
    }
    String error = tally.lastError();
    if (error != null) {
      indented(out, "last error", Text.line(error), width);
    }
  }

  private static void indented(StringBuilder out, String name, String value, int width) {
    String line = String.format(Locale.ROOT, "  %-11s%s", name, value);
    out.append(width == 0 ? line : Text.cut(line, width)).append('\n');
  }

  /** For a script: one object. */
  public static String json(Status status) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("ok", status.problems().isEmpty());
    object.put("problems", status.problems());
    object.put("directory", status.directory().toString());
    Map<String, @Nullable Object> agent = new LinkedHashMap<>();
    agent.put("running", status.agentRuns());
    Labels.put(agent, "pid", status.agentPid());
    Status.FailedStart failed = status.failedStart();
    if (failed != null) {
      Map<String, Object> failure = new LinkedHashMap<>();
      failure.put("times", failed.times());
      failure.put("reason", failed.reason());
      failure.put("next", failed.next());
      agent.put("failed_start", failure);
    }
    object.put("agent", agent);
    Map<String, Object> journal = new LinkedHashMap<>();
    journal.put("files", status.journalFiles());
    journal.put("bytes", status.journalBytes());
    journal.put("stuck", status.stuck());
    object.put("journal", journal);
    Volume volume = status.disk().volume();
    Map<String, Object> disk = new LinkedHashMap<>();
    disk.put("free", volume.free());
    disk.put("whole", volume.whole());
    disk.put("kept", volume.kept());
    disk.put("full", volume.isFull());
    disk.put("quarter", status.disk().quarter());
    object.put("disk", disk);
    object.put("damaged", status.damaged());
    object.put("unread", status.unread());
    object.put("changes", status.changes().stream().map(StatusPage::changeObject).toList());
    Status.Contents outbox = status.outbox();
    if (outbox != null) {
      object.put("events", entriesObject(numbers(outbox.entries())));
      Map<String, Object> storms = new LinkedHashMap<>();
      storms.put("occurrences", outbox.storms().occurrences());
      storms.put("faults", outbox.storms().storms());
      object.put("storms", storms);
      object.put("counters", outbox.counters().stream().map(StatusPage::counterObject).toList());
      object.put("warnings", outbox.warnings().stream().map(StatusPage::warningObject).toList());
      object.put(
          "destinations",
          outbox.destinations().stream().map(StatusPage::destinationObject).toList());
    }
    return Json.write(object) + "\n";
  }

  private static Map<String, Object> changeObject(Changes.Change change) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("time", change.time());
    object.put("what", change.what());
    object.put("lost", change.lost());
    return object;
  }

  private static Map<String, Object> entriesObject(Map<State, Long> entries) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (State state : ORDER) {
      object.put(Labels.state(state), entries.getOrDefault(state, 0L));
    }
    return object;
  }

  private static Map<String, Object> counterObject(Counter counter) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("name", counter.name().name().toLowerCase(Locale.ROOT));
    object.put("reason", counter.reason());
    object.put("subject", counter.subject());
    object.put("quantity", counter.quantity());
    object.put("last", counter.last());
    return object;
  }

  private static Map<String, Object> warningObject(ConfigWarning warning) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("instance", warning.instance());
    object.put("handler", warning.handler());
    object.put("warning", warning.sentence());
    return object;
  }

  private static Map<String, @Nullable Object> destinationObject(DestinationTally tally) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("dsn", tally.dsn().masked());
    object.put("key", tally.key());
    object.put("verify", tally.verify());
    if (!tally.reach().words().isEmpty()) {
      object.put("reach", tally.reach().words());
    }
    object.put("events", entriesObject(tally.entries()));
    Labels.put(object, "oldest_ready", tally.oldestReady());
    Labels.put(object, "last_error", tally.lastError());
    object.put("holds", new TreeMap<>(tally.holds()));
    OpenCircuit openCircuit = tally.openCircuit();
    if (openCircuit != null) {
      Map<String, Object> circuit = new LinkedHashMap<>();
      circuit.put("state", "open");
      circuit.put("status", openCircuit.status());
      circuit.put("advice", OpenCircuit.advice(openCircuit.status()));
      circuit.put("answer", openCircuit.words());
      circuit.put("since", openCircuit.since());
      circuit.put("tries", openCircuit.probes());
      circuit.put("next", openCircuit.next());
      object.put("circuit", circuit);
    }
    return object;
  }
}

package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A process of the server's died that was not to: a worker, a mule, a spooler, an attached daemon,
 * a cron's command, a vassal. What killed it, where it was, what it was serving.
 */
final class DeathEventBuilder implements EventBuilder {
  private final SourceContext sources;
  private final Host machine;

  DeathEventBuilder(SourceContext sources, Host machine) {
    this.sources = sources;
    this.machine = machine;
  }

  /** How it died: what the event is called, and what servers group it by. */
  private record Cause(String type, String value, @Nullable Signal signal, String key) {}

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    Map<String, String> death = record.fields().pairs("death");
    String process = process(record);
    String name = incident.command();
    Cause cause = cause(death, process, name, doing(incident));

    String backtrace = record.fields().text("backtrace");
    if (backtrace != null && NativeBacktrace.isOfCrash(backtrace)) {
      crash(draft, incident, backtrace, cause, process);
    } else {
      new StuckRequest(incident, sources, !"harakiri".equals(death.get("cause")))
          .fill(
              draft,
              cause.type,
              cause.value,
              cause.signal == null
                  ? Mechanisms.of("uwsgi_death", false)
                  : Mechanisms.signal(cause.signal));
      List<String> fingerprint = new ArrayList<>(List.of("uwsgi", "death", process));
      if (!name.isEmpty()) {
        fingerprint.add(name);
      }
      fingerprint.add(cause.key);
      draft.fingerprint(fingerprint);
    }
    if (!name.isEmpty()) {
      draft.extra("command", name);
    }
    long kills = RecordContext.number(death.get("oom_kills"));
    if (kills > 0) {
      draft.extra("kernel_out_of_memory_kills", kills);
    }
    long seconds = RecordContext.number(death.get("seconds"));
    if (seconds >= 0) {
      draft.extra("seconds_since_it_was_started", seconds);
    }
    if (incident.requests().size() > 1) {
      draft.extra("requests_in_flight", incident.table());
    }
  }

  private void crash(
      EventDraft draft, RecordContext incident, String backtrace, Cause cause, String process) {
    NativeCrash crash = NativeCrash.of(incident, backtrace, cause.signal, machine);
    String doing = incident.doing();
    String value = doing != null ? doing : process + flying(incident);
    // An alarm of the user's may have brought it.
    HandlerSettings settings = incident.settings();
    if (settings.message() != null) {
      EventBuilder.configured(draft, incident.record(), settings.message());
    }
    String type = settings.exceptionType();
    String given = settings.exceptionValue();
    CrashedThread thread = new CrashedThread(incident, sources);
    SentryException exception =
        crash.exception(
            draft,
            type == null ? crash.title() : type,
            given == null ? value : given,
            thread.frames());
    draft.exceptions(List.of(exception));
    thread.fill(draft, exception);
    draft.fingerprint(crash.fingerprint(process));
  }

  /** What a worker was serving, after what befell it. */
  private static String doing(RecordContext incident) {
    String doing = incident.request() == null ? null : incident.doing();
    return doing == null ? flying(incident) : " in " + doing;
  }

  private static String flying(RecordContext incident) {
    int requests = incident.requests().size();
    return requests > 1 ? " with " + requests + " requests in flight" : "";
  }

  private static Cause cause(Map<String, String> death, String process, String name, String doing) {
    String which = name.isEmpty() ? process : process + " " + Limits.shortened(name, 200);
    long number = RecordContext.number(death.get("signal"));
    Signal signal = number > 0 ? Signal.of(number) : null;
    if ("harakiri".equals(death.get("cause"))) {
      return new Cause(
          HarakiriEventBuilder.TYPE,
          which + " took longer than harakiri allows",
          signal,
          "harakiri");
    }
    if ("returns".equals(death.get("cause"))) {
      return new Cause(
          "UnexpectedExit",
          which + " ends as soon as it is started, and uWSGI starts it again and again",
          null,
          "returns");
    }
    if ("pidfile".equals(death.get("cause"))) {
      return new Cause(
          "DaemonNotStarted",
          which + " was started and its pidfile does not come",
          null,
          "pidfile");
    }
    if (signal != null
        && signal.number() == Signal.KILL
        && RecordContext.number(death.get("oom_kills")) > 0) {
      return new Cause(
          "OutOfMemory", which + " was killed by the kernel" + doing, signal, "out of memory");
    }
    if (signal != null) {
      return new Cause(signal.name(), which + " died" + doing, signal, signal.name());
    }
    long code = RecordContext.number(death.get("code"));
    if (code >= 0) {
      return new Cause(
          "UnexpectedExit", which + " exited with code " + code + doing, null, "code " + code);
    }
    if ("smart".equals(death.get("cause"))) {
      return new Cause(
          "UnexpectedDeath",
          which + " died, of what is not known (it has a pidfile and is no child of uWSGI's)",
          null,
          "unknown");
    }
    return new Cause(
        "UnexpectedDeath",
        which + " died, of what is not known (uWSGI collected it first)",
        null,
        "unknown");
  }

  /** What died, in one word or two. */
  private static String process(Record record) {
    if (record.process() == ProcessKind.UNKNOWN) {
      return record.worker() == 1 ? "cron command" : "attached daemon";
    }
    return record.process().label();
  }

  /** With several in flight nothing tells which one it died of. */
  @Override
  public @Nullable ServedRequest request(List<ServedRequest> requests) {
    return requests.size() == 1 ? requests.get(0) : null;
  }

  @Override
  public String platform(Record record) {
    if (NativeBacktrace.isOfCrash(record.fields().text("backtrace"))) {
      return "native";
    }
    return record.fields().bytes("stack") == null ? "other" : "python";
  }

  @Override
  public Level level(@Nullable Record record) {
    if (record == null) {
      return Level.ERROR;
    }
    Map<String, String> death = record.fields().pairs("death");
    boolean crash = death.containsKey("signal") || platform(record).equals("native");
    return crash && !death.containsKey("cause") ? Level.FATAL : Level.ERROR;
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Level;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request that got no answer because its worker was to end: a reload or a stop that did not wait,
 * or not for so long, a worker's lifetime, its memory. The same of a spooler's task and a mule.
 */
final class CutEventBuilder implements EventBuilder {
  private final SourceContext sources;

  CutEventBuilder(SourceContext sources) {
    this.sources = sources;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    Map<String, String> cut = record.fields().pairs("cut");
    boolean isRequest = record.process() == ProcessKind.WORKER;
    String why = cut.getOrDefault("why", "not known");
    String transaction = incident.transaction();
    String what = isRequest ? transaction == null ? "a request" : transaction : process(record);
    String reason = "cut by " + cause(why) + mercy(record, cut);

    new StuckRequest(incident, sources)
        .fill(
            draft,
            isRequest ? "RequestCut" : "TaskCut",
            what + age(incident) + " was " + reason,
            Mechanisms.of("uwsgi_cut", false));
    draft.fingerprint(List.of("uwsgi", "cut", why, what));
    if (incident.requests().size() > 1) {
      draft.extra("requests_in_flight", incident.table());
    }
    String name = cut.getOrDefault("name", "");
    if (!name.isEmpty()) {
      draft.extra("command", Limits.filtered(name, 1024, draft.redaction()::text));
    }
    for (String ending : List.of("signal", "code")) {
      if (cut.containsKey(ending)) {
        draft.extra("process_ended_with", ending + " " + cut.get(ending));
      }
    }
    long rss = RecordContext.number(record.fields().pairs("death").get("rss"));
    if (rss > 0) {
      draft.extra("memory_before_kib", rss);
    }
  }

  private static String age(RecordContext incident) {
    ServedRequest request = incident.request();
    return request == null || incident.age(request) < 0
        ? ""
        : " after " + incident.age(request) + " s";
  }

  /** As a person would say it; an option of uWSGI's stays as it is written. */
  private static String cause(String why) {
    return switch (why) {
      case "stop" -> "a stop of the server";
      case "reload", "brutal reload", "chain reload" -> "a " + why;
      case "workers reload" -> "a reload of the workers";
      case "mules reload" -> "a reload of the mules";
      case "spoolers reload" -> "a reload of the spoolers";
      case "idle" -> "the end of idle workers";
      case "signal" -> "a signal to its worker";
      default -> why;
    };
  }

  private static String mercy(Record record, Map<String, String> cut) {
    long seconds = RecordContext.number(cut.get("mercy"));
    if (seconds < 0) {
      return "";
    }
    String option =
        switch (record.process()) {
          case MULE -> "mule-reload-mercy";
          case SPOOLER -> "spooler-reload-mercy";
          default -> "worker-reload-mercy";
        };
    return " (" + option + ", " + seconds + " s)";
  }

  private static String process(Record record) {
    return record.process() == ProcessKind.SPOOLER
        ? "a task of the spooler"
        : record.process().label() + (record.worker() > 0 ? " " + record.worker() : "");
  }

  @Override
  public @Nullable ServedRequest request(List<ServedRequest> requests) {
    return ServedRequest.longest(requests);
  }

  @Override
  public String platform(Record record) {
    return record.fields().bytes("stack") == null ? "other" : "python";
  }

  @Override
  public Level level(@Nullable Record record) {
    return Level.WARNING;
  }
}

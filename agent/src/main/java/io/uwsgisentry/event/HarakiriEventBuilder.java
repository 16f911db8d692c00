package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * uWSGI is about to kill a worker that serves a request for too long. The record was made before
 * the kill, so it has all that was in flight.
 */
final class HarakiriEventBuilder implements EventBuilder {
  static final String TYPE = "HarakiriError";

  private final SourceContext sources;
  private final Host machine;

  HarakiriEventBuilder(SourceContext sources, Host machine) {
    this.sources = sources;
    this.machine = machine;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    Map<String, String> proc = record.fields().pairs("proc");
    String transaction = incident.transaction();
    long limit = RecordContext.number(proc.get("harakiri"));

    new StuckRequest(incident, sources)
        .fill(
            draft,
            TYPE,
            (transaction == null ? "a request" : transaction)
                + " took longer than harakiri allows"
                + limit(limit, proc.containsKey("user_harakiri")),
            Mechanisms.of("uwsgi_harakiri", false));
    List<String> fingerprint = new ArrayList<>(List.of("uwsgi", "harakiri"));
    if (transaction != null) {
      fingerprint.add(transaction);
    }
    draft.fingerprint(fingerprint);
    draft.extra("requests_in_flight", incident.table());
    Map<String, Object> process = process(proc);
    if (!process.isEmpty()) {
      draft.context("process", process);
    }
  }

  /** The application may set a limit of its own for a request. */
  private static String limit(long seconds, boolean isOwn) {
    String own = isOwn ? "set for this request" : "";
    if (seconds <= 0) {
      return isOwn ? " (" + own + ")" : "";
    }
    return " (" + seconds + " s" + (isOwn ? ", " + own : "") + ")";
  }

  /** Where the kernel says that the worker's main thread was. */
  private Map<String, Object> process(Map<String, String> proc) {
    Map<String, Object> process = new LinkedHashMap<>();
    String call = proc.get("syscall");
    if (call != null && !call.isBlank()) {
      process.put("syscall", SystemCall.text(call, machine.arch()));
    }
    String channel = proc.get("wchan");
    if (channel != null && !channel.isBlank() && !channel.strip().equals("0")) {
      process.put("wchan", Limits.shortened(Limits.clean(channel.strip()), 128));
    }
    return process;
  }

  @Override
  public @Nullable ServedRequest request(List<ServedRequest> requests) {
    return ServedRequest.longest(requests);
  }

  @Override
  public String platform(Record record) {
    return record.fields().bytes("stack") == null ? "other" : "python";
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.redaction.Redaction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request that uWSGI was serving.
 *
 * @param core which of its worker's cores served it, -1: not known
 * @param startedMicros since 1970, -1: not known
 * @param thread the thread as Python's stacks name it ({@code 0x00007f12…}), null: not known
 * @param status of the answer so far, -1: not known
 * @param section what it asked for, null where its head was not read yet
 */
record ServedRequest(
    int core,
    long startedMicros,
    @Nullable String thread,
    int status,
    @Nullable RequestSection section) {

  /** The first to have started, which has taken longest; null of none. */
  static @Nullable ServedRequest longest(List<ServedRequest> requests) {
    return requests.stream()
        .filter(request -> request.startedMicros >= 0)
        .min(Comparator.comparingLong(ServedRequest::startedMicros))
        .orElse(requests.isEmpty() ? null : requests.get(0));
  }

  /**
   * The requests of a record. Where it has several, a field {@code request.core} starts each; where
   * it has one, that one's core is in the record's head.
   */
  static List<ServedRequest> all(Record record, Redaction redaction) {
    List<ServedRequest> requests = new ArrayList<>();
    Parts parts = new Parts(record.core());
    for (Fields.Field field : record.fields().all()) {
      if (!field.name().startsWith("request.")) {
        continue;
      }
      if (field.name().equals("request.core")) {
        parts.addTo(requests, redaction);
        long core = RecordContext.number(text(field));
        parts = new Parts(core > 65_535 ? -1 : (int) core);
      } else {
        parts.take(field);
      }
    }
    parts.addTo(requests, redaction);
    return requests;
  }

  private static String text(Fields.Field field) {
    return new String(field.value(), StandardCharsets.UTF_8);
  }

  /** Of one request, while it is read; the first of equal fields counts. */
  private static final class Parts {
    private final int core;
    private long started = -1;
    private long status = -1;
    private @Nullable String thread;
    private Map<String, String> vars = Map.of();

    Parts(int core) {
      this.core = core;
    }

    void take(Fields.Field field) {
      switch (field.name()) {
        case "request.started" ->
            started = started < 0 ? RecordContext.number(text(field)) : started;
        case "request.status" -> status = status < 0 ? RecordContext.number(text(field)) : status;
        case "request.thread" -> thread = thread == null ? text(field) : thread;
        case "request.vars" -> vars = vars.isEmpty() ? UwsgiBlock.variables(field.value()) : vars;
        default -> {
          // A field of a newer plugin's, or request.took, which is the record's.
        }
      }
    }

    void addTo(List<ServedRequest> requests, Redaction redaction) {
      if (started >= 0 || !vars.isEmpty()) {
        requests.add(
            new ServedRequest(
                core,
                started,
                thread,
                status > 999 ? -1 : (int) status,
                vars.isEmpty() ? null : new RequestSection(vars, redaction)));
      }
    }
  }
}

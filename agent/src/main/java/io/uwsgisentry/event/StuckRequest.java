package io.uwsgisentry.event;

import io.sentry.protocol.Mechanism;
import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryStackFrame;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Where a request stood that took too long, or a mule or spooler: the stacks that were taken while
 * it ran, as the exception's frames and as threads. Both have the stuck thread's frames: servers
 * show the one or the other.
 */
final class StuckRequest {
  private final RecordContext incident;
  private final ThreadStacks stacks;
  private final ScriptFrames frames;

  /** Whether requests take turns on one thread ({@code async}, {@code gevent}). */
  private final boolean shared;

  /** Whether the stacks were taken in the handler of a signal that the process died of. */
  private final boolean crashed;

  StuckRequest(RecordContext incident, SourceContext sources) {
    this(incident, sources, false);
  }

  StuckRequest(RecordContext incident, SourceContext sources, boolean crashed) {
    this.crashed = crashed;
    this.incident = incident;
    this.frames = new ScriptFrames(sources, incident);
    this.stacks =
        ThreadStacks.parse(
            incident.record().fields().text("stack"),
            frames,
            new PythonModules(
                sources.machine(), incident.settings().workingDirectory(), incident.record()));
    String async = incident.record().fields().pairs("state").get("async");
    this.shared = RecordContext.number(async) > 1;
  }

  /**
   * Puts the exception and the threads into a draft.
   *
   * @param value what the event is called after its type
   */
  void fill(EventDraft draft, String type, String value, Mechanism mechanism) {
    ServedRequest request = incident.request();
    String thread = request == null ? null : request.thread();
    if (crashed || (thread == null && incident.requests().size() < 2)) {
      thread = incident.record().fields().text("stack.main");
    }
    int stuck = stacks.serving(thread);
    if (shared && !crashed && stuck >= 0 && waits(stuck)) {
      // Nothing of the application ran on the thread: where this request waited is not on its
      // stack.
      draft.extra("stack_note", "requests take turns on one thread, and this one was waiting then");
      stuck = -1;
    } else if (shared && stuck >= 0 && incident.requests().size() != 1) {
      draft.extra(
          "stack_note",
          "requests take turns on one thread: the stack is of the one whose turn it was");
    }
    List<SentryStackFrame> stack = stacks.frames(stuck);
    SentryException exception = draft.exception(type, null, value, List.of(), mechanism);
    if (!stack.isEmpty()) {
      exception.setStacktrace(stacks.trace(stuck));
    }
    if (stuck >= 0 && stacks.id(stuck) >= 0) {
      exception.setThreadId(stacks.id(stuck));
    }
    draft.exceptions(List.of(exception));
    if (!stacks.isEmpty()) {
      draft.threads(stacks.threads(stuck, names()));
      draft.runtime("python", frames.pythonVersion());
      taken(draft);
    }
  }

  private boolean waits(int thread) {
    return stacks.frames(thread).stream().noneMatch(f -> Boolean.TRUE.equals(f.isInApp()));
  }

  /** A thread that serves a request is called by it; one that serves several by none. */
  private Map<Long, String> names() {
    Map<Long, String> names = new HashMap<>();
    for (ServedRequest request : incident.requests()) {
      if (request.thread() != null && !(shared && incident.requests().size() > 1)) {
        String what =
            request.section() == null
                ? "a request"
                : request.section().method() + " " + request.section().shownPath();
        names.put(
            ThreadStacks.id(request.thread()),
            request.core() < 0 ? what : "core " + request.core() + ": " + what);
      }
    }
    return names;
  }

  private void taken(EventDraft draft) {
    long micros = RecordContext.number(incident.record().fields().text("stack.taken"));
    long before = incident.record().timeMicros() - micros;
    if (micros >= 0 && before >= 0) {
      Instant at = Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
      draft.extra(
          "stack_taken",
          at + ", " + Duration.of(before, ChronoUnit.MICROS).toMillis() + " ms before this event");
    }
  }
}

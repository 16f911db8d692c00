package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryStackFrame;
import java.util.List;
import java.util.Map;

/**
 * Where Python was in the thread that crashed, and in the others; empty where that is not known.
 */
final class CrashedThread {
  private final ThreadStacks stacks;
  private final ScriptFrames frames;
  private final int crashed;

  CrashedThread(RecordContext incident, SourceContext sources) {
    this.frames = new ScriptFrames(sources, incident);
    this.stacks =
        ThreadStacks.parse(
            incident.record().fields().text("stack"),
            frames,
            new PythonModules(
                sources.machine(), incident.settings().workingDirectory(), incident.record()));
    String thread = incident.record().fields().text("stack.main");
    this.crashed = thread == null || stacks.isEmpty() ? -1 : stacks.serving(thread);
  }

  /** The outermost first. */
  List<SentryStackFrame> frames() {
    List<SentryStackFrame> all = stacks.frames(crashed);
    // The event's own platform is the native code's.
    all.forEach(frame -> frame.setPlatform("python"));
    return all;
  }

  void fill(EventDraft draft, SentryException exception) {
    if (stacks.isEmpty()) {
      return;
    }
    if (crashed >= 0 && stacks.id(crashed) >= 0) {
      exception.setThreadId(stacks.id(crashed));
    }
    draft.threads(stacks.threads(crashed, Map.of()));
    draft.runtime("python", frames.pythonVersion());
  }
}

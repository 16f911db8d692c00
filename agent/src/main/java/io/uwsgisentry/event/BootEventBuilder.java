package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Level;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The server, or an application of it, did not come up, with Python's exception if one says why; or
 * a process of a server that serves could not be started, or the server ended.
 */
final class BootEventBuilder implements EventBuilder {
  private final SourceContext sources;

  BootEventBuilder(SourceContext sources) {
    this.sources = sources;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    Map<String, String> boot = record.fields().pairs("boot");
    String what =
        Limits.filtered(
            boot.getOrDefault("what", "the server did not start"),
            EventDraft.MAX_MESSAGE,
            incident.redaction()::logLine);
    String reason =
        Limits.filtered(
            boot.getOrDefault("reason", ""), EventDraft.MAX_MESSAGE, incident.redaction()::logLine);
    long code = RecordContext.number(boot.get("code"));
    String told =
        told(boot, reason.isEmpty() ? what : reason)
            + (code >= 0 ? " (exit code " + code + ")" : "");
    ScriptFrames frames = new ScriptFrames(sources, incident);
    List<PythonException> chain = PythonException.chain(record);
    if (chain.isEmpty()) {
      SentryException exception =
          draft.exception(
              boot.containsKey("hook") ? "HookFailed" : "BootError",
              null,
              told,
              List.of(),
              Mechanisms.of("uwsgi_boot", false));
      draft.exceptions(List.of(exception));
      draft.fingerprint(List.of("uwsgi", "boot", reason.isEmpty() ? what : reason));
    } else {
      // The exception says why, not what came of it.
      draft.message(boot.containsKey("serving") ? told : "uWSGI did not come up: " + told);
      draft.exceptions(PythonException.exceptions(chain, "uwsgi_boot", draft, frames));
      draft.runtime("python", frames.pythonVersion());
    }
  }

  /** With what comes of it, where that is not what one would expect. */
  private static String told(Map<String, String> boot, String what) {
    return switch (boot.getOrDefault("hook", "")) {
      case "stops" -> what + ", and uWSGI stops";
      case "marks" ->
          what
              + "; uWSGI serves on, but takes itself for stopping: it starts no worker again that"
              + " dies, and a signal to stop does nothing. Restart it once the hook succeeds";
      default -> what;
    };
  }

  @Override
  public String platform(Record record) {
    return record.fields().bytes("python.exception") == null ? "other" : "python";
  }

  @Override
  public Level level(@Nullable Record record) {
    return record != null && "goes on".equals(record.fields().pairs("boot").get("hook"))
        ? Level.ERROR
        : Level.FATAL;
  }
}

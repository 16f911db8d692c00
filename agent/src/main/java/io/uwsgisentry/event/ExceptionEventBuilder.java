package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An exception of the application that its language plugin told uWSGI of. */
final class ExceptionEventBuilder implements EventBuilder {
  private static final String UNTYPED = "Exception";

  private final SourceContext sources;

  ExceptionEventBuilder(SourceContext sources) {
    this.sources = sources;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    HandlerSettings settings = incident.settings();
    String message = settings.message();
    if (message != null) {
      EventBuilder.configured(draft, record, message);
    }
    ScriptFrames frames = new ScriptFrames(sources, incident);
    List<PythonException> chain = PythonException.chain(record);
    draft.exceptions(
        chain.isEmpty()
            ? List.of(told(draft, incident, frames))
            : configured(
                handledIf(
                    "logged".equals(mechanism(record)),
                    PythonException.exceptions(chain, mechanism(record), draft, frames)),
                draft,
                settings));
    String thread = given(record, "exception.thread");
    if (thread != null) {
      draft.extra(
          "thread",
          Limits.shortened(
              Limits.clean(Limits.filtered(thread, 128, draft.redaction()::text)), 128));
    }
    draft.runtime(platform(record), frames.pythonVersion());
  }

  /** How it was seen: in a request, or, in the words of Sentry's own SDK, as Python printed it. */
  private static String mechanism(Record record) {
    String how = given(record, "exception.how");
    return how == null ? "uwsgi" : Limits.shortened(Limits.clean(how), 32);
  }

  /** The application caught what it only logged. */
  private static List<SentryException> handledIf(boolean logged, List<SentryException> chain) {
    if (logged) {
      chain.forEach(
          exception -> {
            if (exception.getMechanism() != null) {
              exception.getMechanism().setHandled(true);
            }
          });
    }
    return chain;
  }

  /** What uWSGI's own exception system tells: no causes, and for Ruby frames. */
  private static SentryException told(
      EventDraft draft, RecordContext incident, ScriptFrames frames) {
    Record record = incident.record();
    HandlerSettings settings = incident.settings();
    String plugin = record.fields().text("exception.plugin");
    String type = settings.exceptionType();
    String module = null;
    if (type == null) {
      type = given(record, "exception.type");
      int dot = type == null ? -1 : type.lastIndexOf('.');
      if (type != null && "python".equals(plugin) && dot > 0 && dot < type.length() - 1) {
        // As Sentry's own SDK for Python: the bare class is the type, built-in ones have no module.
        module = type.substring(0, dot);
        module = module.equals("builtins") || !ScriptFrames.isNamed(module) ? null : module;
        type = type.substring(dot + 1);
      }
    }
    String configured = settings.exceptionValue();
    return draft.exception(
        type == null ? UNTYPED : type,
        module,
        configured != null ? configured : given(record, "exception.value"),
        UwsgiBacktrace.frames(record.fields().bytes("exception.backtrace"), plugin, frames),
        Mechanisms.of("uwsgi", false));
  }

  /** The handler's own type and value, if it has any, in place of those of the raised one. */
  private static List<SentryException> configured(
      List<SentryException> exceptions, EventDraft draft, HandlerSettings settings) {
    List<SentryException> kept = new ArrayList<>(exceptions);
    SentryException last = kept.get(kept.size() - 1);
    if (settings.exceptionType() != null) {
      last.setType(draft.exceptionType(settings.exceptionType()));
      last.setModule(null);
    }
    if (settings.exceptionValue() != null) {
      last.setValue(
          draft.shown(
              "exception value",
              settings.exceptionValue(),
              EventDraft.MAX_MESSAGE,
              draft.redaction()::text));
    }
    return kept;
  }

  @Override
  public String platform(Record record) {
    return Language.platform(record.fields().text("exception.plugin"));
  }

  private static @Nullable String given(Record record, String field) {
    String text = record.fields().text(field);
    return text == null || text.isEmpty() ? null : text;
  }
}

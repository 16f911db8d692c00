package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Record;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request that an application answered with an error of the server's, with what its language said
 * of that: by itself (PHP, Perl), or in a line of the log.
 */
final class FailedRequestEventBuilder implements EventBuilder {
  private static final List<String> NOT_THE_APPLICATIONS =
      List.of("java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.");

  private final SourceContext sources;

  FailedRequestEventBuilder(SourceContext sources) {
    this.sources = sources;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    ServedRequest request = incident.request();
    String status =
        request == null || request.status() < 0 ? "5xx" : Integer.toString(request.status());
    String transaction = incident.transaction();
    String stable = transaction == null ? "a request" : transaction;
    long took = RecordContext.number(incident.record().fields().text("request.took"));
    if (took >= 0) {
      draft.extra("request_took_milliseconds", took / 1000);
    }
    SaidError said = said(incident);
    if (said != null) {
      draft.exceptions(exceptions(said, draft, new ScriptFrames(sources, incident)));
    } else {
      SentryException exception =
          draft.exception(
              "RequestFailed",
              null,
              stable + " answered " + status,
              List.of(),
              Mechanisms.of("uwsgi_request", false));
      draft.exceptions(List.of(exception));
      draft.fingerprint(List.of("uwsgi", "failed", stable, status));
    }
    draft.runtime(platform(incident.record()), null);
  }

  /** What the language itself handed over, else what is in the log since the request began. */
  private static @Nullable SaidError said(RecordContext incident) {
    Fields fields = incident.record().fields();
    String plugin = fields.text("exception.plugin");
    String text = fields.text("said.text");
    if (text == null) {
      return SaidError.of(plugin, logged(incident));
    }
    long line = RecordContext.number(fields.text("said.line"));
    return "psgi".equals(plugin)
        ? SaidError.perl(fields.text("said.type"), text)
        : SaidError.php(
            fields.text("said.type"),
            text,
            fields.text("said.file"),
            line > Integer.MAX_VALUE ? -1 : (int) line);
  }

  /**
   * The lines that can be this request's. Where several requests may be in flight, only those that
   * its process wrote for sure: the error of another one is worse than none.
   */
  private static List<String> logged(RecordContext incident) {
    Map<String, String> state = incident.record().fields().pairs("state");
    boolean alone = "1".equals(state.get("workers")) && "1".equals(state.get("cores"));
    long since = incident.request() == null ? -1 : incident.request().startedMicros();
    return Breadcrumbs.lines(incident.record()).stream()
        .filter(line -> line.own() || (alone && line.micros() >= since))
        .map(line -> line.text().stripTrailing())
        .toList();
  }

  private static List<SentryException> exceptions(
      SaidError said, EventDraft draft, ScriptFrames scripts) {
    List<SentryException> exceptions = new ArrayList<>();
    for (SaidError each = said; each != null; each = each.cause()) {
      List<SentryStackFrame> frames = new ArrayList<>();
      for (SaidError.Frame frame : each.frames()) {
        SentryStackFrame made =
            scripts.frame(
                frame.file(), frame.line(), frame.function(), frame.module(), "", Map.of());
        if (NOT_THE_APPLICATIONS.stream().anyMatch(frame.module()::startsWith)) {
          made.setInApp(false);
        }
        frames.add(made);
      }
      int dot = each.type().lastIndexOf('.');
      exceptions.add(
          draft.exception(
              dot < 0 ? each.type() : each.type().substring(dot + 1),
              dot < 0 ? null : each.type().substring(0, dot),
              each.value(),
              UwsgiBacktrace.bounded(frames),
              exceptions.isEmpty() && each.cause() == null
                  ? Mechanisms.of("uwsgi_request", false)
                  : Mechanisms.chained(
                      "uwsgi_request", exceptions.size(), exceptions.size() - 1, "", false)));
    }
    Collections.reverse(exceptions);
    return exceptions;
  }

  @Override
  public String platform(Record record) {
    return Language.platform(record.fields().text("exception.plugin"));
  }
}

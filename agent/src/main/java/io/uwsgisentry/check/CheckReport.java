package io.uwsgisentry.check;

import io.uwsgisentry.console.Text;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code check} found in a configuration.
 *
 * @param name of the file, as given
 * @param captured what is reported without a handler, and where that is said; null if nothing is
 */
public record CheckReport(
    String name,
    CheckedFile file,
    List<Handler> handlers,
    @Nullable Handler captured,
    List<Finding> findings,
    List<Trial> trials) {

  /** Notes are worth knowing, the others worth mending. */
  enum Severity {
    ERROR,
    WARNING,
    NOTE;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One {@code sentry:} of the configuration.
   *
   * @param name as events carry it: {@code alarm lqfull}, {@code route ^/help}
   */
  public record Handler(String name, CheckedLine line, HandlerSettings settings) {}

  /**
   * @param line that it is about, null if about none
   * @param subject the handler or option, may be empty
   * @param sentence what is wrong and what to write instead
   */
  record Finding(Severity severity, @Nullable CheckedLine line, String subject, String sentence) {}

  /**
   * A test event that was sent.
   *
   * @param destination its DSN, masked
   * @param answer the server's, or why there was none
   */
  public record Trial(String destination, String eventId, boolean delivered, String answer) {}

  public boolean clean() {
    return findings.stream().allMatch(f -> f.severity() == Severity.NOTE)
        && trials.stream().allMatch(Trial::delivered);
  }

  public String text() {
    StringBuilder out = new StringBuilder();
    line(
        out,
        name
            + (file.byUwsgi() ? ", as uWSGI expands it: " : ", read without uWSGI: ")
            + Text.count(handlers.size(), "handler")
            + ", "
            + Text.count(
                findings.stream().filter(f -> f.severity() != Severity.NOTE).count(), "problem"));
    if (captured != null) {
      line(out, "  without a handler: " + sentence(captured, ""));
    }
    for (Handler handler : handlers) {
      line(out, "  " + sentence(handler, ", " + handler.settings().level().sentryName()));
    }
    if (!findings.isEmpty()) {
      out.append('\n');
    }
    findings.forEach(finding -> line(out, sentence(finding)));
    file.notes().forEach(note -> line(out, "note: " + note));
    if (!trials.isEmpty()) {
      out.append('\n');
    }
    trials.forEach(trial -> line(out, sentence(trial)));
    return out.toString();
  }

  private static String sentence(Handler handler, String level) {
    String where = handler.line().where();
    return handler.name()
        + " -> "
        + destination(handler.settings().destination())
        + level
        + (where.isEmpty() ? "" : "  (" + where + ")");
  }

  private static String sentence(Finding finding) {
    String where = finding.line() == null ? "" : finding.line().where();
    return finding.severity().word()
        + ": "
        + (where.isEmpty() ? "" : where + ": ")
        + (finding.subject().isEmpty() ? "" : finding.subject() + ": ")
        + finding.sentence();
  }

  private static String sentence(Trial trial) {
    return "test event to "
        + trial.destination()
        + ": "
        + (trial.delivered() ? "delivered" : "NOT delivered")
        + " ("
        + trial.answer()
        + "), event "
        + trial.eventId();
  }

  private static void line(StringBuilder out, String text) {
    out.append(Text.line(text)).append('\n');
  }

  public String json() {
    Map<String, @Nullable Object> report = new LinkedHashMap<>();
    report.put("file", name);
    report.put("expanded_by_uwsgi", file.byUwsgi());
    report.put("clean", clean());
    List<Object> list = new ArrayList<>();
    for (Handler handler : handlers) {
      Map<String, @Nullable Object> one = new LinkedHashMap<>();
      one.put("handler", handler.name());
      where(one, handler.line());
      one.put("destination", destination(handler.settings().destination()));
      one.put("level", handler.settings().level().sentryName());
      list.add(one);
    }
    report.put("handlers", list);
    report.put("captured", captured == null ? List.of() : List.of(captured.name().split(", ", -1)));
    List<Object> found = new ArrayList<>();
    for (Finding finding : findings) {
      Map<String, @Nullable Object> one = new LinkedHashMap<>();
      one.put("severity", finding.severity().word());
      where(one, finding.line());
      one.put("subject", finding.subject());
      one.put("sentence", finding.sentence());
      found.add(one);
    }
    report.put("findings", found);
    report.put("notes", file.notes());
    List<Object> sent = new ArrayList<>();
    for (Trial trial : trials) {
      Map<String, @Nullable Object> one = new LinkedHashMap<>();
      one.put("destination", trial.destination());
      one.put("event_id", trial.eventId());
      one.put("delivered", trial.delivered());
      one.put("answer", trial.answer());
      sent.add(one);
    }
    report.put("sent", sent);
    return Json.write(report) + "\n";
  }

  private static void where(Map<String, @Nullable Object> json, @Nullable CheckedLine line) {
    json.put("file", line == null || line.file() == null ? null : line.file().toString());
    json.put("line", line == null || line.number() == 0 ? null : line.number());
  }

  public static String destination(Destination destination) {
    if (destination instanceof Destination.To to) {
      return to.dsn().masked() + (to.verify() ? "" : " (any certificate)");
    }
    return destination instanceof Destination.None
        ? "kept on this machine"
        : "nowhere (malformed DSN)";
  }
}

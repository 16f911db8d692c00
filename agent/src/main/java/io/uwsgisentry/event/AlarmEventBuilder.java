package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.List;

/**
 * An alarm: its text is the message, with what varies taken out. One that reports a crash ({@code
 * alarm-segfault}) has the crash's frames, too.
 */
final class AlarmEventBuilder implements EventBuilder {
  private final Host machine;

  AlarmEventBuilder(Host machine) {
    this.machine = machine;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    HandlerSettings settings = incident.settings();
    String told = record.fields().text("text");
    // It is a line of the log where the alarm is uWSGI's own or a log-alarm's.
    String text =
        told == null
            ? null
            : Limits.filtered(told, EventDraft.MAX_EXTRA_VALUE, incident.redaction()::logLine);
    boolean crash = NativeBacktrace.isOfCrash(told);
    String message = settings.message();
    if (message != null) {
      EventBuilder.configured(draft, record, message);
      if (text != null && !text.isEmpty() && !crash) {
        draft.extra("alarm_message", text);
      }
    } else if (crash) {
      // Its text is the frames.
    } else if (text != null && !text.isBlank()) {
      draft.varyingMessage(text.stripTrailing());
    } else {
      draft.message("uWSGI raised " + record.handler());
    }
    if (told != null && crash) {
      crash(draft, incident, told);
    }
  }

  private void crash(EventDraft draft, RecordContext incident, String text) {
    NativeCrash crash = NativeCrash.of(incident, text, null, machine);
    String type = incident.settings().exceptionType();
    String value = incident.settings().exceptionValue();
    draft.exceptions(
        List.of(
            crash.exception(
                draft,
                type == null ? crash.title() : type,
                value == null ? "a process crashed" : value,
                List.of())));
    draft.fingerprint(crash.fingerprint("alarm"));
  }

  @Override
  public String platform(Record record) {
    return NativeBacktrace.isOfCrash(record.fields().text("text")) ? "native" : "other";
  }
}

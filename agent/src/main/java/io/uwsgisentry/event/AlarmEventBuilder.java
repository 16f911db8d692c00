package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;

/** An alarm: its text is the message, with what varies taken out. */
final class AlarmEventBuilder implements EventBuilder {
  @Override
  public void fill(Draft draft, Record record, HandlerSettings settings) {
    String text = record.fields().text("text");
    String message = settings.message();
    if (message != null) {
      EventBuilder.configured(draft, record, message);
      if (text != null && !text.isEmpty()) {
        draft.extra("alarm_message", text);
      }
    } else if (text != null && !text.isBlank()) {
      draft.varyingMessage(text.stripTrailing());
    } else {
      draft.message("uWSGI raised " + record.handler());
    }
  }
}

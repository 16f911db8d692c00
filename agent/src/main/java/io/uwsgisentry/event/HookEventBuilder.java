package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Level;
import org.jspecify.annotations.Nullable;

/** A phase of the server's life was reached. */
final class HookEventBuilder implements EventBuilder {
  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    String message = incident.settings().message();
    EventBuilder.configured(
        draft, record, message != null ? message : "uWSGI reached " + record.handler());
  }

  @Override
  public Level level(@Nullable Record record) {
    return Level.INFO;
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;

/** A phase of the server's life was reached. */
final class HookEventBuilder implements EventBuilder {
  @Override
  public void fill(Draft draft, Record record, HandlerSettings settings) {
    String message = settings.message();
    EventBuilder.configured(
        draft, record, message != null ? message : "uWSGI reached " + record.handler());
  }
}

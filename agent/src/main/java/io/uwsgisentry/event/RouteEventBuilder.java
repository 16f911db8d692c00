package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;

/** A rule of the internal routing matched a request. */
final class RouteEventBuilder implements EventBuilder {
  @Override
  public void fill(Draft draft, Record record, HandlerSettings settings) {
    String message = settings.message();
    EventBuilder.configured(
        draft, record, message != null ? message : "uWSGI matched " + record.handler());
  }
}

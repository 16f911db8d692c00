package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;

/** A rule of the internal routing matched a request. */
final class RouteEventBuilder implements EventBuilder {
  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    String message = incident.settings().message();
    EventBuilder.configured(
        draft, record, message != null ? message : "uWSGI matched " + record.handler());
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;

/**
 * Puts into an event what is particular to one kind of record; {@link EventFactory} puts in what
 * all have.
 */
interface EventBuilder {
  void fill(Draft draft, Record record, HandlerSettings settings);

  /** Sentry's platform for such a record where no option names one. */
  default String platform(Record record) {
    return "other";
  }

  /**
   * The message of a handler's options. It is a constant unless it was translated for a request:
   * then what varies from request to request is taken out.
   */
  static void configured(Draft draft, Record record, String message) {
    if (record.fields().pairs("option").containsKey("message")) {
      draft.varyingMessage(message);
    } else {
      draft.message(message);
    }
  }
}

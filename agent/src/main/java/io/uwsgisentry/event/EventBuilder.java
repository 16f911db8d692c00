package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Level;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Puts into an event what is particular to one kind of record; {@link EventFactory} puts in what
 * all have.
 */
interface EventBuilder {
  void fill(EventDraft draft, RecordContext incident);

  /** Sentry's platform for such a record where no option names one. */
  default String platform(Record record) {
    return "other";
  }

  /**
   * How bad such a thing is where no option says so.
   *
   * @param record null where records were only counted
   */
  default Level level(@Nullable Record record) {
    return Level.ERROR;
  }

  /** The request of the record that the event is about; null if it is about none. */
  default @Nullable ServedRequest request(List<ServedRequest> requests) {
    return requests.isEmpty() ? null : requests.get(0);
  }

  /**
   * The message of a handler's options. It is a constant unless it was translated for a request:
   * then what varies from request to request is taken out.
   */
  static void configured(EventDraft draft, Record record, String message) {
    if (record.fields().pairs("option").containsKey("message")) {
      draft.varyingMessage(message);
    } else {
      draft.message(message);
    }
  }
}

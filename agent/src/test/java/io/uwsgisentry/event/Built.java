package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.List;
import java.util.Map;

/** Events of records, and what is found in their JSON. */
final class Built {
  static final EventFactory FACTORY = new EventFactory(new Scrubber(), "0.1.0");

  private Built() {}

  static Event build(Record record) throws UnbuildableRecordException {
    return FACTORY.build(record, HandlerSettings.of(record));
  }

  static Map<String, Object> payload(Record record) throws Exception {
    return map(Json.parseObject(build(record).payload()));
  }

  /** Of the last one; the others must become events too. */
  static Map<String, Object> payload(RecordFixture... fixtures) throws Exception {
    Map<String, Object> last = Map.of();
    for (RecordFixture fixture : fixtures) {
      last = payload(fixture.record());
    }
    return last;
  }

  /** Names of objects and numbers of arrays lead there. */
  static Object at(Object json, Object... path) {
    Object here = json;
    for (Object step : path) {
      here = step instanceof Integer i ? ((List<?>) here).get(i) : ((Map<?, ?>) here).get(step);
    }
    return here;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> map(Object json) {
    return (Map<String, Object>) json;
  }

  @SuppressWarnings("unchecked")
  static List<Object> list(Object json) {
    return (List<Object>) json;
  }
}

package io.uwsgisentry.it;

import java.util.List;
import java.util.Map;

/**
 * Reads the parts of a received event's JSON that the tests ask for; what is not there is empty.
 */
final class Events {
  private Events() {}

  /** The text that Sentry shows, whichever of the protocol's two forms it came in. */
  static String message(Map<String, Object> event) {
    Object message = event.get("message");
    if (message == null) {
      message = event.get("logentry");
    }
    if (message instanceof Map<?, ?> map) {
      Object text = map.get("formatted");
      return String.valueOf(text == null ? map.get("message") : text);
    }
    return message == null ? "" : message.toString();
  }

  static Map<String, Object> tags(Map<String, Object> event) {
    return map(event.get("tags"));
  }

  static Map<String, Object> extra(Map<String, Object> event) {
    return map(event.get("extra"));
  }

  static Map<String, Object> request(Map<String, Object> event) {
    return map(event.get("request"));
  }

  /** The first exception's type, empty for none. */
  static String exceptionType(Map<String, Object> event) {
    return field(event, "type");
  }

  static String exceptionValue(Map<String, Object> event) {
    return field(event, "value");
  }

  /** The exceptions in the event's order: causes first, what was raised last. */
  static List<Map<String, Object>> exceptions(Map<String, Object> event) {
    return values(event, "exception");
  }

  /** The functions of the last exception's frames, outermost first. */
  static List<String> functions(Map<String, Object> event) {
    List<Map<String, Object>> exceptions = exceptions(event);
    return exceptions.isEmpty() ? List.of() : functionsOf(exceptions.get(exceptions.size() - 1));
  }

  /** The functions of an exception's or a thread's frames, outermost first. */
  static List<String> functionsOf(Map<String, Object> value) {
    return frames(value).stream().map(frame -> String.valueOf(frame.get("function"))).toList();
  }

  static Map<String, Object> mechanism(Map<String, Object> value) {
    return map(value.get("mechanism"));
  }

  static List<Map<String, Object>> frames(Map<String, Object> value) {
    return maps(map(value.get("stacktrace")).get("frames"));
  }

  /** Leaves out the frames of libraries: how many there are is their version's. */
  static void keepOwnFrames(Map<String, Object> value) {
    List<Map<String, Object>> own =
        frames(value).stream().filter(frame -> !Boolean.FALSE.equals(frame.get("in_app"))).toList();
    map(value.get("stacktrace")).put("frames", own);
  }

  static List<Map<String, Object>> threads(Map<String, Object> event) {
    return values(event, "threads");
  }

  static Map<String, Object> context(Map<String, Object> event, String name) {
    return map(map(event.get("contexts")).get(name));
  }

  static List<Map<String, Object>> images(Map<String, Object> event) {
    return maps(map(event.get("debug_meta")).get("images"));
  }

  static long number(Map<String, Object> map, String key) {
    return ((Number) map.get(key)).longValue();
  }

  private static List<Map<String, Object>> values(Map<String, Object> event, String name) {
    return maps(map(event.get(name)).get("values"));
  }

  private static List<Map<String, Object>> maps(Object list) {
    return list instanceof List<?> l ? l.stream().map(Events::map).toList() : List.of();
  }

  /** For how many occurrences the event stands: 1, or what a folded one counts. */
  static long occurrences(Map<String, Object> event) {
    Object n = extra(event).get("occurrences");
    return n == null ? 1 : Long.parseLong(n.toString());
  }

  /** For how many occurrences these events stand together. */
  static long sum(List<Map<String, Object>> events) {
    return events.stream().mapToLong(Events::occurrences).sum();
  }

  private static String field(Map<String, Object> event, String name) {
    Object values = map(event.get("exception")).get("values");
    if (values instanceof List<?> list && !list.isEmpty()) {
      Object value = map(list.get(0)).get(name);
      return value == null ? "" : value.toString();
    }
    return "";
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Object value) {
    return value instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
  }
}

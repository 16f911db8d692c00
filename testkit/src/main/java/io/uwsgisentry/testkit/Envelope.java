package io.uwsgisentry.testkit;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * An envelope as Sentry's protocol frames it: a header line, then items of a header line and a
 * payload each. Parsing is strict: what a forgiving server would repair throws here.
 *
 * @param header the header line's JSON
 */
public record Envelope(String header, List<Item> items) {
  /** One item: the JSON of its header line, and its payload. */
  public record Item(String header, byte[] payload) {
    public String type() {
      return String.valueOf(headerJson().get("type"));
    }

    public Map<String, Object> headerJson() {
      return Json.object(header);
    }

    public String text() {
      return new String(payload, StandardCharsets.UTF_8);
    }

    /** The payload as JSON. */
    public Map<String, Object> json() {
      return Json.object(text());
    }
  }

  public Map<String, Object> headerJson() {
    return Json.object(header);
  }

  /** The event id of the header line, 32 hex digits. */
  public String eventId() {
    return String.valueOf(headerJson().get("event_id"));
  }

  /** Whether it holds an event, and not a client report, say. */
  public boolean holdsEvent() {
    return items.stream().anyMatch(i -> i.type().equals("event"));
  }

  /** What its client report says was discarded, all reasons together; 0 without one. */
  public long discarded() {
    return items.stream()
        .filter(i -> i.type().equals("client_report"))
        .flatMap(i -> ((List<?>) i.json().getOrDefault("discarded_events", List.of())).stream())
        .map(one -> ((Map<?, ?>) one).get("quantity"))
        .mapToLong(quantity -> quantity instanceof Long number ? number : 0)
        .sum();
  }

  /** The payload of its one event item. */
  public Map<String, Object> event() {
    return items.stream()
        .filter(i -> i.type().equals("event"))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no event in " + header))
        .json();
  }

  static Envelope parse(byte[] bytes) {
    int at = lineEnd(bytes, 0);
    String header = new String(bytes, 0, at, StandardCharsets.UTF_8);
    List<Item> items = new ArrayList<>();
    at++;
    while (at < bytes.length) {
      int end = lineEnd(bytes, at);
      String itemHeader = new String(bytes, at, end - at, StandardCharsets.UTF_8);
      int from = end + 1;
      Object length = Json.object(itemHeader).get("length");
      int to = length instanceof Long l ? Math.addExact(from, l.intValue()) : lineEnd(bytes, from);
      if (to > bytes.length || (to < bytes.length && bytes[to] != '\n')) {
        throw new IllegalArgumentException("length does not fit the payload: " + itemHeader);
      }
      items.add(new Item(itemHeader, Arrays.copyOfRange(bytes, from, to)));
      at = to + 1;
    }
    return new Envelope(header, items);
  }

  private static int lineEnd(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length && bytes[at] != '\n') {
      at++;
    }
    return at;
  }
}

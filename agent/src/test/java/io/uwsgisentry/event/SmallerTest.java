package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Events that a server found too large. */
class SmallerTest {
  private static final Set<String> SHORT =
      Set.of("event_id", "timestamp", "level", "platform", "trimmed");

  private static final Map<String, Integer> TIMES = Map.of("frames", 20, "values", 5, "params", 50);

  @Test
  void theLeastNeededGoesFirstAndIsToldInExtra() throws Exception {
    Map<String, Object> event = event(30, "v".repeat(20_000), "line", "crumb");
    Map<String, Object> smaller = smaller(event);

    assertThat(frame(smaller)).containsKeys("pre_context", "lineno").doesNotContainKeys("vars");
    assertThat(smaller).containsKey("breadcrumbs");
    assertThat(at(smaller, "extra", "trimmed").toString())
        .contains("variables of frames")
        .doesNotContain("source lines");
  }

  @Test
  void eachRefusalTakesItToTheNextOfAFewSizesAndThenNoFurther() throws Exception {
    byte[] payload = bytes(event(300, "v".repeat(3_000), "l".repeat(400), "c".repeat(5_000)));
    List<Integer> sizes = new ArrayList<>();
    byte[] next = payload;
    while ((next = Smaller.than(next)) != null) {
      sizes.add(next.length);
      assertThat(sizes).hasSizeLessThan(5);
    }
    assertThat(payload.length).isGreaterThan(200 << 10);
    assertThat(sizes).isNotEmpty();
    assertThat(sizes.get(0)).isLessThanOrEqualTo(200 << 10);
    assertThat(sizes.get(sizes.size() - 1)).isLessThanOrEqualTo(12 << 10);
  }

  @Test
  void whatTheEventIsAboutAndItsCountAlwaysStay() throws Exception {
    Map<String, Object> event = event(300, "v".repeat(3_000), "l".repeat(400), "c");
    event.put("tags", Map.of("uwsgi.kind", "exception"));
    event.put("fingerprint", List.of("x"));
    byte[] payload = bytes(event);
    byte[] next;
    while ((next = Smaller.than(payload)) != null) {
      payload = next;
    }
    Map<String, Object> core = cast(Json.parseObject(payload));
    assertThat(core).containsEntry("event_id", "a".repeat(32)).containsKeys("tags", "fingerprint");
    assertThat(at(core, "extra", "occurrences")).isEqualTo(500L);
    assertThat(frame(core)).containsKey("lineno");
    assertThat((List<?>) at(core, "extra", "trimmed")).hasSizeGreaterThan(2);
  }

  @Test
  void aLongMessageIsCutAtLast() throws Exception {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("event_id", "a".repeat(32));
    event.put("message", new LinkedHashMap<>(Map.of("formatted", "m".repeat(20_000))));
    assertThat(String.valueOf(at(smaller(event), "message", "formatted"))).hasSize(500);
  }

  @Test
  void anAlarmsLongTextIsCutWithItsTemplateAndParameters() throws Exception {
    byte[] payload =
        Built.build(RecordFixture.alarm("gr\u00f6\u00dfe 17 ".repeat(1000), "").record()).payload();
    assertThat(payload.length).isGreaterThan(20_000);
    byte[] smallest = smallest(payload);
    assertThat(smallest.length).isLessThan(6_000);
    assertThat(cast((Map<?, ?>) at(cast(Json.parseObject(smallest)), "logentry")))
        .doesNotContainKey("params")
        .allSatisfy((key, text) -> assertThat((String) text).hasSize(500).endsWith("..."));
  }

  /** Every field that events really have, so that none is overlooked. */
  @ParameterizedTest
  @MethodSource("golden")
  void anyEventHoweverLongItsTextsAndListsFitsIntoTheLastSize(Path file) throws Exception {
    Map<String, Object> event =
        cast((Map<?, ?>) blown("", Json.parseObject(Files.readAllBytes(file)).get("payload")));
    byte[] payload = bytes(event);
    assertThat(payload.length).isGreaterThan(12 << 10);
    byte[] smallest = smallest(payload);
    assertThat(smallest.length).isLessThanOrEqualTo(12 << 10);
    assertThat(cast(Json.parseObject(smallest)))
        .containsEntry("event_id", event.get("event_id"))
        .containsKeys("tags", "extra", "level", "timestamp");
  }

  static Stream<Path> golden() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("src/test/resources/event"))) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList().stream();
    }
  }

  private static Object blown(String name, Object value) {
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> blown = new LinkedHashMap<>();
      map.forEach((key, each) -> blown.put((String) key, blown((String) key, each)));
      return blown;
    }
    if (value instanceof List<?> list) {
      List<Object> blown = new ArrayList<>();
      int times = TIMES.getOrDefault(name, 1);
      for (int i = 0; i < times; i++) {
        list.forEach(each -> blown.add(blown("", each)));
      }
      return blown;
    }
    boolean text = value instanceof String && !SHORT.contains(name);
    return text ? (value + "\u00fc").repeat(1000).substring(0, 1000) : value;
  }

  private static byte[] smallest(byte[] payload) {
    byte[] smallest = payload;
    byte[] next;
    while ((next = Smaller.than(smallest)) != null) {
      smallest = next;
    }
    return smallest;
  }

  @Test
  void whatIsSmallOrNoEventIsLeftAlone() {
    assertThat(Smaller.than("{\"event_id\":\"a\"}".getBytes(StandardCharsets.UTF_8))).isNull();
    assertThat(Smaller.than(new byte[300_000])).isNull();
    assertThat(Smaller.than("[1,2".repeat(100_000).getBytes(StandardCharsets.UTF_8))).isNull();
  }

  private static Map<String, Object> event(int frames, String var, String line, String crumb) {
    List<Object> stack = new ArrayList<>();
    for (int i = 0; i < frames; i++) {
      Map<String, Object> frame = new LinkedHashMap<>();
      frame.put("function", "f" + i);
      frame.put("lineno", i);
      frame.put("in_app", i % 2 == 0);
      frame.put("vars", Map.of("v", var));
      frame.put("pre_context", List.of(line));
      frame.put("post_context", List.of(line));
      stack.add(frame);
    }
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("event_id", "a".repeat(32));
    event.put(
        "exception",
        Map.of(
            "values",
            List.of(
                new LinkedHashMap<>(Map.of("type", "E", "stacktrace", Map.of("frames", stack))))));
    event.put("breadcrumbs", Map.of("values", List.of(Map.of("message", crumb))));
    event.put("extra", Map.of("occurrences", 500, "big", "b".repeat(2_000)));
    return event;
  }

  private static byte[] bytes(Map<String, Object> event) {
    return Json.write(event).getBytes(StandardCharsets.UTF_8);
  }

  private static Map<String, Object> smaller(Map<String, Object> event) throws IOException {
    byte[] smaller = Smaller.than(bytes(event));
    assertThat(smaller).isNotNull();
    return cast(Json.parseObject(smaller));
  }

  private static Map<String, Object> frame(Map<String, Object> event) {
    List<?> frames =
        (List<?>)
            ((Map<?, ?>)
                    ((Map<?, ?>) ((List<?>) at(event, "exception", "values")).get(0))
                        .get("stacktrace"))
                .get("frames");
    return cast((Map<?, ?>) frames.get(0));
  }

  private static Object at(Map<String, Object> event, String... path) {
    Object value = event;
    for (String key : path) {
      value = ((Map<?, ?>) value).get(key);
    }
    return value;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> cast(Map<?, ?> map) {
    return (Map<String, Object>) map;
  }
}

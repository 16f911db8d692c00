package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.json.Json;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whole events as Sentry gets them. {@code -Dgolden=write} writes the files anew: read the
 * difference before committing.
 */
class EventGoldenTest {

  @ParameterizedTest
  @EnumSource(GoldenEvent.class)
  void theEventIsTheOneOnFile(GoldenEvent c, @TempDir Path root) throws Exception {
    EventFactory factory = new EventFactory(new Scrubber(), "0.1.0", HostFixture.shop(root));
    Event event = factory.build(c.fixture.record(), HandlerSettings.of(c.fixture.record()));
    String json =
        pretty(
                Map.of(
                    "title",
                    event.title(),
                    "level",
                    event.level(),
                    "payload",
                    Json.parseObject(event.payload())),
                "")
            + "\n";
    if ("write".equals(System.getProperty("golden"))) {
      Files.writeString(c.file(), json);
    }
    assertThat(json).isEqualTo(onFile(c));
    assertThat(event.id()).isEqualTo(RecordFixture.ID);
    assertThat(event.category()).isEqualTo("error");
    assertThat(new String(event.payload(), StandardCharsets.UTF_8)).doesNotContain("hush");
  }

  private static String onFile(GoldenEvent c) throws IOException {
    return Files.exists(c.file()) ? Files.readString(c.file()) : "";
  }

  private static String pretty(Object value, String indent) {
    String in = indent + "  ";
    if (value instanceof Map<?, ?> map && !map.isEmpty()) {
      return map.entrySet().stream()
          .sorted(java.util.Comparator.comparing(e -> String.valueOf(e.getKey())))
          .map(e -> in + Json.write(e.getKey()) + ": " + pretty(e.getValue(), in))
          .collect(java.util.stream.Collectors.joining(",\n", "{\n", "\n" + indent + "}"));
    }
    if (value instanceof List<?> list && !list.isEmpty()) {
      return list.stream()
          .map(e -> in + pretty(e, in))
          .collect(java.util.stream.Collectors.joining(",\n", "[\n", "\n" + indent + "]"));
    }
    return Json.write(value);
  }
}

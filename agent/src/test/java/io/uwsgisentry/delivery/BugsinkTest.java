package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Patience;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The golden events through the real delivery to a server that is not ours, and read back out of
 * its database: an answer of 200 proves nothing. Skipped, with the reason, where Bugsink cannot be
 * had.
 */
@Tag("process")
class BugsinkTest {
  private static final Path SCRIPT = Path.of("src/test/receiver/bugsink.py");
  private static final Path CACHE = Path.of("../build/bugsink");
  private static final Path GOLDEN = Path.of("src/test/resources/event");

  @TempDir Path directory;

  @Test
  void everyGoldenEventIsReadBackAsItWasSentAndEachFaultIsAnIssueOfItsOwn() throws Exception {
    Process bugsink = script("serve");
    try (BufferedReader said = bugsink.inputReader(StandardCharsets.UTF_8)) {
      String dsn = said.readLine();
      assumeTrue(dsn != null && dsn.startsWith("http://"), () -> "no Bugsink here: " + dsn);
      Map<String, Map<String, Object>> sent = new LinkedHashMap<>();
      Map<String, String> names = new LinkedHashMap<>();
      List<Event> events = new ArrayList<>();
      long n = 0;
      for (int round = 0; round < 2; round++) {
        for (Path file : golden()) {
          String id = Rig.id(++n);
          Map<String, Object> payload = payload(file);
          payload.put("event_id", id);
          sent.put(id, payload);
          names.put(id, file.getFileName().toString().replace(".json", ""));
          events.add(event(id, payload));
        }
      }
      try (Rig rig = new Rig(directory.resolve("outbox"))) {
        rig.delivery.start();
        rig.store(events, Rig.to(dsn, Patience.SOON));
        await()
            .atMost(Patience.LONG)
            .untilAsserted(
                () ->
                    assertThat(rig.count(State.DELIVERED))
                        .as("%s", rig.log)
                        .isEqualTo(events.size()));
      }
      List<Map<String, Object>> held = held();
      assertThat(held).hasSameSizeAs(events);
      Map<String, List<Object>> issues = new TreeMap<>();
      for (Map<String, Object> each : held) {
        Map<String, Object> event = map(each.get("event"));
        String id = event.get("event_id").toString().replace("-", "");
        event.put("event_id", id);
        assertThat(event).as(names.get(id)).isEqualTo(sent.get(id));
        issues.computeIfAbsent(names.get(id), name -> new ArrayList<>()).add(each.get("issue"));
      }
      assertThat(issues)
          .as("the same fault twice is one issue")
          .allSatisfy(
              (name, numbers) -> assertThat(numbers).hasSize(2).containsOnly(numbers.get(0)));
      Map<Object, List<String>> faults = new TreeMap<>();
      issues.forEach(
          (name, numbers) ->
              faults.computeIfAbsent(numbers.get(0), number -> new ArrayList<>()).add(name));
      assertThat(faults.values().stream().filter(same -> same.size() > 1))
          .as("different golden events that are one fault")
          .containsExactly(List.of("slow", "slow_where_requests_take_turns"));
    } finally {
      bugsink.getOutputStream().close();
      if (!bugsink.waitFor(20, TimeUnit.SECONDS)) {
        bugsink.destroyForcibly();
      }
    }
  }

  private List<Map<String, Object>> held() throws IOException, InterruptedException {
    Process reading = script("read");
    String said = new String(reading.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(reading.waitFor()).as(said).isZero();
    return ((List<?>) Json.parse(said.strip())).stream().map(BugsinkTest::map).toList();
  }

  private Process script(String command) throws IOException {
    return new ProcessBuilder(
            "python3",
            SCRIPT.toString(),
            command,
            CACHE.toString(),
            directory.resolve("bugsink").toString())
        .redirectErrorStream(true)
        .start();
  }

  private static List<Path> golden() throws IOException {
    try (Stream<Path> files = Files.list(GOLDEN)) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
  }

  private static Map<String, Object> payload(Path file) throws IOException {
    return map(map(Json.parse(Files.readString(file))).get("payload"));
  }

  private static Event event(String id, Map<String, Object> payload) {
    return new Event(
        id,
        Instant.now(),
        "error",
        "error",
        "golden",
        Json.write(payload).getBytes(StandardCharsets.UTF_8));
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Object value) {
    return (Map<String, Object>) value;
  }
}

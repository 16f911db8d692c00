package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.testkit.Envelope;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Received;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a server is told of that it will never get, from the journal to its door, by real agents.
 */
@Timeout(600)
@Tag("process")
class ToldLossesTest {
  /** Of a later version, say. */
  private static final int UNKNOWN_KIND = 99;

  @TempDir Path parent;
  private Path state;
  private Journal journal;
  private final Receiver receiver = Receiver.start();

  @BeforeEach
  void prepare() throws IOException {
    state = parent.resolve("state");
    journal = new Journal(state);
  }

  @AfterEach
  void stop() {
    receiver.close();
  }

  @Test
  void dropsAndRecordsOfWhichNoEventCanBeMadeAreToldOnceThoughTheAgentIsKilledInBetween()
      throws Exception {
    drops(1, "disk_full", 3);
    drops(1, "disk_full", 3);
    drops(2, "journal_full", 4);
    drops(3, "io_error", 5);
    // Written, to a file that the agent may have read: most probably delivered.
    drops(4, "unsure", 9);
    journal.append(
        Journal.record(
            5, UNKNOWN_KIND, false, 1, "instance", Journal.INSTANCE, "default", defaultDsn()));
    try (AgentProcess agent = AgentProcess.start(state)) {
      await()
          .atMost(Patience.SOON)
          .ignoreExceptions()
          .untilAsserted(
              () -> {
                assertThat(counted(Counter.Name.DROPPED)).isEqualTo(3 + 4 + 5 + 9);
                assertThat(counted(Counter.Name.DISCARDED)).isEqualTo(1);
              });
      agent.kill();
    }
    drops(6, "disk_full", 10);
    drops(1, "disk_full", 3);

    for (int round = 0; round < 2; round++) {
      try (AgentProcess agent = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
        assertThat(agent.exitCode()).isZero();
      }
      assertThat(told())
          .isEqualTo(Map.of("cache_overflow error", 17L, "internal_sdk_error error", 6L));
    }
    assertThat(receiver.events()).isEmpty();
  }

  private void drops(int number, String reason, long count) throws IOException {
    journal.append(Journal.drops(number, reason, count, "default", defaultDsn()));
  }

  private String defaultDsn() {
    return "dsn\0" + receiver.dsn();
  }

  private long counted(Counter.Name name) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return outbox.reader().counters().stream()
          .filter(counter -> counter.name() == name)
          .mapToLong(Counter::quantity)
          .sum();
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  /** OptionValues by reason and category, of all reports that came. */
  private Map<String, Long> told() {
    Map<String, Long> told = new TreeMap<>();
    for (Received request : receiver.accepted()) {
      for (Envelope.Item item : request.envelope().items()) {
        for (Object one : (List<?>) item.json().getOrDefault("discarded_events", List.of())) {
          Map<?, ?> row = (Map<?, ?>) one;
          told.merge(
              row.get("reason") + " " + row.get("category"), (Long) row.get("quantity"), Long::sum);
        }
      }
    }
    return told;
  }
}

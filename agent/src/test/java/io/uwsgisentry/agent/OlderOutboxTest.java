package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.cli.UwsgiSentry;
import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** After an upgrade: the commands and the agent find the database that an older agent left. */
@Timeout(600)
@Tag("process")
class OlderOutboxTest {
  @TempDir Path parent;
  private Path state;
  private Path db;
  private final Receiver receiver = Receiver.start();

  @BeforeEach
  void leave() throws Exception {
    state = parent.resolve("state");
    var unused = new Journal(state);
    db = Files.copy(Path.of("../testdata/outbox/version-1.db"), state.resolve("outbox.db"));
    // As if it had been left just now, and for servers that there are.
    long now = System.currentTimeMillis();
    sql(
        "UPDATE destinations SET dsn = '" + receiver.dsn("7") + "' WHERE id = 1",
        "UPDATE destinations SET dsn = '" + receiver.dsn("8") + "' WHERE id = 2",
        "DELETE FROM holds",
        "UPDATE entries SET stored = " + now,
        "UPDATE entries SET settled = " + now + " WHERE settled IS NOT NULL");
  }

  @AfterEach
  void stop() {
    receiver.close();
  }

  private void sql(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + db);
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.execute(one);
      }
    }
  }

  private String run(String... words) {
    StringWriter out = new StringWriter();
    int code =
        UwsgiSentry.commandLine(Agent::run)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(out, true))
            .execute(words);
    return code + ": " + out;
  }

  private Map<State, Long> states() throws IOException {
    Map<State, Long> states = new TreeMap<>();
    try (Outbox outbox = Outbox.openReadOnly(db)) {
      outbox.reader().states().forEach((state, tally) -> states.put(state, tally.entries()));
    }
    return states;
  }

  @Test
  void theCommandsReadVersion1BeforeTheAgentHasBroughtItUp() throws Exception {
    byte[] before = Files.readAllBytes(db);
    String directory = state.toString();

    assertThat(run("status", "--dir", directory))
        .contains("12  journal_full (shop)", "4 ready, 1 delivered");
    assertThat(run("events", "--dir", directory)).startsWith("0: ").contains("Title 1", "Title 8");
    assertThat(run("events", "show", "0".repeat(31) + "2", "--dir", directory))
        .startsWith("0: Title 2")
        .contains("ready: waits to be sent");

    assertThat(Files.readAllBytes(db)).isEqualTo(before);
  }

  @Test
  void theAgentSendsWhatWaitedInVersion1AndKeepsTheRest() throws Exception {
    try (AgentProcess agent = AgentProcess.start(state, "--drain-only", "--drain", "60")) {
      assertThat(agent.exitCode()).isZero();
    }

    assertThat(receiver.eventIds())
        .containsExactlyInAnyOrder(Journal.id(2), Journal.id(4), Journal.id(5), Journal.id(8));
    assertThat(receiver.accepted())
        .allSatisfy(one -> assertThat(one.envelope().items().get(0).text()).contains("version 1"));
    // Their handler names no DSN any more, so both of these are local now.
    assertThat(states()).isEqualTo(Map.of(State.DELIVERED, 5L, State.DEAD, 1L, State.LOCAL, 2L));
    assertThat(run("status", "--dir", state.toString())).contains("12  journal_full (shop)");
  }
}

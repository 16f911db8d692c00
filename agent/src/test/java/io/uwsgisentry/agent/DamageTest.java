package io.uwsgisentry.agent;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.id;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.cli.UwsgiSentry;
import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.outbox.DamagedOutbox;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A database that cannot be read any more is kept aside, and the agent goes on with a new one. */
@Timeout(600)
@Tag("process")
class DamageTest {
  // The tables' definitions, and where each of them begins.
  private static final int SCHEMA_PAGES = 40;
  private static final Duration SOON = Patience.SOON;

  @TempDir Path parent;
  private Path state;
  private Path db;
  private Journal journal;
  private Receiver receiver;

  @BeforeEach
  void prepare() throws IOException {
    state = parent.resolve("state");
    db = state.resolve("outbox.db");
    journal = new Journal(state);
    receiver = Receiver.start();
  }

  @AfterEach
  void stop() {
    receiver.close();
  }

  private String log() throws IOException {
    return LogForm.checked(Files.readString(state.resolve("agent.log")));
  }

  private String status() {
    StringWriter status = new StringWriter();
    UwsgiSentry.commandLine(Agent::run)
        .setOut(new PrintWriter(status, true))
        .execute("status", "--dir", state.toString());
    return status.toString();
  }

  private void awaitReceived(String... ids) {
    await()
        .atMost(SOON)
        .untilAsserted(() -> assertThat(receiver.eventIds()).containsExactlyInAnyOrder(ids));
  }

  @Test
  void aDatabaseThatIsNoneIsPutAsideSaidAndReplaced() throws Exception {
    String rubbish = "no database ".repeat(1_000);
    Files.writeString(db, rubbish);
    journal.append(alarm(1, receiver.dsn()));

    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(id(1));
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }

    List<Path> aside = DamagedOutbox.putAside(db);
    assertThat(aside).hasSize(1);
    assertThat(aside.get(0)).hasContent(rubbish);
    String name = aside.get(0).getFileName().toString();
    assertThat(log()).contains("it is kept as " + name);
    assertThat(status()).contains("damaged      " + name);
  }

  @Test
  void damageThatShowsOnlyLaterIsMetByTheRunningAgent() throws Exception {
    int before = 400;
    receiver.behave(Behaviour.status(503));
    for (int number = 1; number <= before; number++) {
      journal.append(alarm(number, receiver.dsn()));
    }
    try (AgentProcess agent = AgentProcess.start(state, "--drain", "0")) {
      await().atMost(SOON).until(() -> journal.directory.bytes() == 0);
      agent.terminate();
      agent.exitCode();
    }
    receiver.behave(Behaviour.healthy());
    overwriteAllButTheFirstPages();
    journal.append(alarm(before + 1, receiver.dsn()));

    try (AgentProcess agent = AgentProcess.start(state)) {
      await().atMost(SOON).until(() -> receiver.eventIds().contains(id(before + 1)));
      assertThat(agent.isAlive()).isTrue();
    }

    assertThat(DamagedOutbox.putAside(db)).hasSize(1);
    assertThat(log()).contains("a new one begins");
  }

  /** The schema stays readable: opening such a file succeeds. */
  private void overwriteAllButTheFirstPages() throws IOException {
    try (FileChannel file = FileChannel.open(db, StandardOpenOption.WRITE)) {
      byte[] noise = new byte[(int) file.size() - SCHEMA_PAGES * 4096];
      new Random(4711).nextBytes(noise);
      file.write(ByteBuffer.wrap(noise), SCHEMA_PAGES * 4096);
    }
    Outbox.open(db).close();
  }

  @Test
  void theLogOfADatabaseThatIsGoneIsNotTakenForThatOfTheNewOne() throws Exception {
    journal.append(alarm(1, receiver.dsn()));
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(id(1));
      agent.kill();
    }
    assertThat(state.resolve("outbox.db-wal")).isNotEmptyFile();
    Files.delete(db);
    Files.deleteIfExists(state.resolve("outbox.db-shm"));
    journal.append(alarm(2, receiver.dsn()));

    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(id(1), id(2));
      agent.terminate();
      assertThat(agent.exitCode()).isZero();
    }

    assertThat(log()).contains("outbox.db is gone, its write-ahead log is not");
    try (var files = Files.list(state)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .anyMatch(name -> name.matches("outbox\\.db\\.damaged-.*Z-wal"));
    }
  }

  @Test
  void aMissingDatabaseIsMadeAnew() throws Exception {
    journal.append(alarm(1, receiver.dsn()));
    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(id(1));
      agent.terminate();
      agent.exitCode();
    }
    Files.delete(db);
    journal.append(alarm(2, receiver.dsn()));

    try (AgentProcess agent = AgentProcess.start(state)) {
      awaitReceived(id(1), id(2));
    }
    assertThat(DamagedOutbox.putAside(db)).isEmpty();
  }

  @Test
  void onlyTheNewestAreKept() throws Exception {
    for (int second = 0; second < 5; second++) {
      Files.writeString(db, "damaged " + second);
      Files.writeString(state.resolve("outbox.db-wal"), "log");
      DamagedOutbox.putAside(db, Instant.ofEpochSecond(second));
    }

    assertThat(DamagedOutbox.putAside(db))
        .satisfiesExactly(
            file -> assertThat(file).hasContent("damaged 2"),
            file -> assertThat(file).hasContent("damaged 3"),
            file -> assertThat(file).hasContent("damaged 4"));
    try (var files = Files.list(state)) {
      assertThat(files.filter(file -> file.toString().endsWith("-wal"))).hasSize(3);
    }
  }
}

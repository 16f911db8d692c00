package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One row of the database that nothing can be made of costs that event, and nobody else's. */
class BadRowTest {
  @TempDir Path directory;
  private final Receiver receiver = Receiver.start();

  @AfterEach
  void close() {
    receiver.close();
  }

  private static void damage(Rig rig, String sql) throws Exception {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + rig.db);
        Statement statement = connection.createStatement()) {
      assertThat(statement.executeUpdate(sql)).isEqualTo(1);
    }
  }

  @Test
  void anEntryWithoutItsEventIsDeadAndSaidToBe() throws Exception {
    try (Rig rig = new Rig(directory)) {
      List<String> ids = rig.store(10, Rig.to(receiver.dsn()));
      damage(rig, "DELETE FROM payloads WHERE seq = 1");
      damage(rig, "DELETE FROM payloads WHERE seq = 5");
      rig.delivery.start();

      await().atMost(Patience.SOON).until(() -> rig.count(State.DELIVERED) == 8);
      assertThat(rig.entries())
          .filteredOn(entry -> entry.state() == State.DEAD)
          .extracting(Entry::id)
          .containsExactlyInAnyOrder(ids.get(0), ids.get(4));
      assertThat(rig.log).hasSize(2).allMatch(line -> line.contains("is missing in the database"));
    }
  }

  @Test
  void anEntryWithoutItsDestinationHoldsUpNobody() throws Exception {
    try (Rig rig = new Rig(directory)) {
      String odd = rig.store(10, Rig.to(receiver.dsn())).get(3);
      damage(rig, "UPDATE entries SET destination = 99 WHERE seq = 4");
      rig.delivery.start();

      await().atMost(Patience.SOON).until(() -> rig.count(State.DELIVERED) == 9);
      assertThat(rig.entry(odd).state()).isEqualTo(State.READY);
      assertThat(rig.outbox.withdrawUnusable()).hasSize(1);
      assertThat(rig.entry(odd).state()).isEqualTo(State.UNDELIVERABLE);
    }
  }

  @Test
  void aReportForADsnThatCannotBeUsedHoldsUpNobody() throws Exception {
    try (Rig rig = new Rig(directory)) {
      rig.store(1, Rig.to("http://key@127.0.0.1:1/1"));
      rig.store(3, Rig.to(receiver.dsn()));
      damage(rig, "UPDATE destinations SET dsn = 'odd' WHERE id = 1");
      damage(rig, "INSERT INTO reports VALUES (1, 'send_error', 'error', 3)");
      rig.delivery.start();

      await().atMost(Patience.SOON).until(() -> rig.count(State.DELIVERED) == 3);
      assertThat(rig.delivery.drain(Patience.SOON)).isTrue();
      assertThat(rig.log).isEmpty();
    }
  }
}

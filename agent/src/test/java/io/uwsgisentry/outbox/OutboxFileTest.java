package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The file: whose it is, who may read it meanwhile, and what is no outbox of ours. */
class OutboxFileTest extends OutboxScene {
  @Test
  void filesAreForTheirOwnerOnly() throws IOException {
    store(to("a.example"), 1);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files)
          .hasSize(3)
          .allSatisfy(
              file ->
                  assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                      .isEqualTo("rw-------"));
    }
  }

  @Test
  void aReaderSeesWhatTheAgentStoresAndMakesNoFile() throws IOException {
    store(to("a.example"), 1);
    Set<Path> before = files(directory);

    try (Outbox reader = Outbox.openReadOnly(db)) {
      assertThat(reader.reader().list(Filter.ALL, 9)).hasSize(1);
      store(to("a.example"), 2);
      assertThat(reader.reader().list(Filter.ALL, 9)).hasSize(2);
      assertThatThrownBy(() -> reader.queue().hold("k", "", NOW))
          .isInstanceOf(OutboxException.class);
    }

    assertThat(files(directory)).isEqualTo(before);
  }

  @Test
  void aReaderMakesNoFileWhereNoAgentRuns() throws IOException {
    store(to("a.example"), 1);
    outbox.close();
    Set<Path> before = files(directory);
    assertThat(before).containsExactly(db);

    try (Outbox reader = Outbox.openReadOnly(db)) {
      assertThat(reader.reader().list(Filter.ALL, 9)).hasSize(1);
      assertThat(reader.reader().states()).containsOnlyKeys(State.READY);
      assertThat(files(directory)).isEqualTo(before);
    }
    assertThat(files(directory)).isEqualTo(before);
  }

  @Test
  void aReaderSeesWhatAKilledAgentStored(@TempDir Path killed) throws IOException {
    store(to("a.example"), 1);
    // What a SIGKILL leaves behind: all three files as they are.
    for (Path file : files(directory)) {
      Files.copy(file, killed.resolve(file.getFileName()));
    }
    Set<Path> before = files(killed);

    try (Outbox reader = Outbox.openReadOnly(killed.resolve("outbox.db"))) {
      assertThat(reader.reader().list(Filter.ALL, 9)).hasSize(1);
    }

    assertThat(files(killed)).isEqualTo(before);
  }

  @Test
  void thereIsNothingToReadBeforeTheFirstAgent(@TempDir Path empty) {
    assertThatThrownBy(() -> Outbox.openReadOnly(empty.resolve("outbox.db")))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(files(empty)).isEmpty();
  }

  @Test
  void awkwardPathsAreOpenedAsTheyAre() throws IOException {
    Path odd = Files.createDirectories(directory.resolve("a b?mode=memory#%41é'"));
    try (Outbox other = Outbox.open(odd.resolve("outbox.db"))) {
      other.queue().hold("k", "", NOW);
    }
    try (Outbox reader = Outbox.openReadOnly(odd.resolve("outbox.db"))) {
      assertThat(reader.queue().holds("k")).hasSize(1);
    }
    assertThat(files(odd)).containsExactly(odd.resolve("outbox.db"));
  }

  @Test
  void theDatabaseOfANewerVersionIsLeftAlone() throws Exception {
    outbox.close();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + db);
        Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA user_version = 99");
    }

    assertThatThrownBy(() -> Outbox.open(db)).isInstanceOf(NewerOutboxException.class);
    assertThatThrownBy(() -> Outbox.openReadOnly(db))
        .isInstanceOf(NewerOutboxException.class)
        .hasMessageContaining("version 99");
  }

  @Test
  void aFileThatIsNoDatabaseIsToldApart() throws IOException {
    Path rubbish = directory.resolve("rubbish.db");
    Files.write(rubbish, new byte[10_000]);
    Files.writeString(rubbish, "not a database ".repeat(1_000));

    assertThatThrownBy(() -> Outbox.open(rubbish))
        .isInstanceOfSatisfying(OutboxException.class, e -> assertThat(e.corrupt()).isTrue());
  }

  @Test
  void whatWaitsForAStoredDsnThatCannotBeUsedWaitsForAnotherAndHoldsUpNobody() throws Exception {
    store(to("a.example"), 1);
    store(to("b.example"), 2);
    outbox
        .queue()
        .settle(List.of(new Settlement.Dead(id(2), DiscardReason.SEND_ERROR, "400", NOW)));
    store(to("b.example"), 3);
    String broken = to("a.example").key();
    outbox.close();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + db);
        Statement statement = connection.createStatement()) {
      statement.execute("UPDATE destinations SET dsn = 'gopher://x' WHERE key = '" + broken + "'");
    }
    open();

    assertThat(outbox.queue().destinationsReady(now)).containsExactly(to("b.example").key());
    assertThat(outbox.reader().destinations()).hasSize(1);
    assertThat(outbox.withdrawUnusable())
        .containsExactly(
            "the DSN's scheme is neither http nor https: write it as https://KEY@HOST/PROJECT");
    assertThat(outbox.reader().find(id(1), 1).get(0).state()).isEqualTo(State.UNDELIVERABLE);
    assertThat(outbox.reader().find(id(1), 1).get(0).lastError()).contains("scheme");

    assertThat(outbox.retry(List.of(id(1)), handler -> to("c.example"))).isEqualTo(1);
    assertThat(outbox.queue().destinationsReady(now))
        .containsExactlyInAnyOrder(to("b.example").key(), to("c.example").key());
  }

  @Test
  void whatAnotherProcessWroteIsNoticedOnce() throws IOException {
    store(to("a.example"), 1);
    assertThat(outbox.changedElsewhere()).isFalse();
    store(to("a.example"), 2);
    assertThat(outbox.changedElsewhere()).isFalse();

    try (Outbox other = Outbox.open(db)) {
      other.retry(List.of(id(1)), handler -> to("a.example"));
    }

    assertThat(outbox.changedElsewhere()).isTrue();
    assertThat(outbox.changedElsewhere()).isFalse();
  }

  private static Set<Path> files(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return Set.copyOf(files.toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

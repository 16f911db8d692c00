package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that does not become a database which the agent can use. */
class OpeningTest {
  /** Where the header of a database holds {@code user_version}, four bytes, the highest first. */
  private static final int USER_VERSION = 60;

  @TempDir Path directory;

  @Test
  void whatIsNoDatabaseIsDamagedAndNotLeftOpen() throws IOException {
    Path db = Files.writeString(directory.resolve("outbox.db"), "no database ".repeat(1000));
    assertThatThrownBy(() -> Outbox.open(db))
        .asInstanceOf(type(OutboxException.class))
        .matches(OutboxException::corrupt);
    assertThat(opened(db)).isEmpty();
  }

  @Test
  void aVersionThatThereCannotBeIsDamage() throws IOException {
    Path db = directory.resolve("outbox.db");
    Outbox.open(db).close();
    try (FileChannel file = FileChannel.open(db, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(4).putInt(0, -2), USER_VERSION);
    }
    for (boolean reading : new boolean[] {false, true}) {
      assertThatThrownBy(() -> (reading ? Outbox.openReadOnly(db) : Outbox.open(db)).close())
          .asInstanceOf(type(OutboxException.class))
          .matches(OutboxException::corrupt);
    }
    assertThat(opened(db)).isEmpty();
  }

  @Test
  void whoReadsADatabaseInTheMakingFindsNoneYetOrAWholeOne() throws Exception {
    AtomicReference<Path> made = new AtomicReference<>(directory.resolve("none"));
    CompletableFuture<Void> agents =
        CompletableFuture.runAsync(
            () -> {
              try {
                for (int i = 0; i < 200; i++) {
                  made.set(Files.createDirectory(directory.resolve("" + i)).resolve("outbox.db"));
                  Outbox.open(made.get()).close();
                }
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    while (!agents.isDone()) {
      try (Outbox outbox = Outbox.openReadOnly(made.get())) {
        assertThat(outbox.reader().states()).isEmpty();
      } catch (NoSuchFileException e) {
        // None yet.
      }
    }
    agents.join();
  }

  /** This process's descriptors of the file. */
  private static List<Path> opened(Path file) throws IOException {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.filter(fd -> leadsTo(fd, file)).toList();
    }
  }

  private static boolean leadsTo(Path descriptor, Path file) {
    try {
      return Files.readSymbolicLink(descriptor).equals(file.toRealPath());
    } catch (IOException e) {
      // The descriptor by which they were listed is closed by now.
      return false;
    }
  }
}

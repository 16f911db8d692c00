package io.uwsgisentry.journal;

import static io.uwsgisentry.journal.Samples.alarm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalDirectoryTest {
  @TempDir Path parent;

  private Path state() {
    return parent.resolve("state");
  }

  @Test
  void lookingMakesNothing() throws IOException {
    JournalDirectory directory = JournalDirectory.at(state());

    assertThat(directory.bytes()).isZero();
    assertThat(directory.liveBytes()).isZero();
    assertThat(directory.sealed()).isEmpty();
    assertThat(directory.seal()).isEmpty();
    assertThatThrownBy(directory::key).isInstanceOf(IOException.class);
    assertThat(state()).doesNotExist();
  }

  @Test
  void creatingMakesDirectoriesAndKeyForTheOwnerOnly() throws IOException {
    JournalDirectory.create(state());

    assertThat(permissions(state())).isEqualTo("rwx------");
    assertThat(permissions(state().resolve("journal"))).isEqualTo("rwx------");
    assertThat(permissions(state().resolve("key"))).isEqualTo("rw-------");
    try (Stream<Path> files = Files.list(state())) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("journal", "key");
    }
  }

  private static String permissions(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  @Test
  void everyoneWhoCreatesAtOnceGetsTheSameKey() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<byte[]>> keys = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        keys.add(threads.submit(() -> JournalDirectory.create(state()).key()));
      }
      byte[] key = keys.get(0).get();
      for (Future<byte[]> other : keys) {
        assertThat(other.get()).isEqualTo(key);
      }
      assertThat(JournalDirectory.at(state()).key()).isEqualTo(key);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aFileThatIsNoKeyIsNotTakenForOne() throws IOException {
    Files.createDirectories(state());
    Files.write(state().resolve("key"), new byte[15]);

    assertThatThrownBy(() -> JournalDirectory.create(state()).key())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("16 bytes");
  }

  @Test
  void sealingRenamesWhatWasWrittenAndLeavesNothingToSeal() throws IOException {
    JournalDirectory directory = JournalDirectory.create(state());
    new RecordWriter(directory.live(), directory.key()).append(alarm(1));

    SealedFile sealed = directory.seal().orElseThrow();

    assertThat(sealed.name()).matches("sealed-[0-9a-f]{32}");
    assertThat(directory.live()).doesNotExist();
    assertThat(directory.seal()).isEmpty();
    assertThat(directory.sealed()).containsExactly(sealed);
    assertThat(directory.bytes()).isEqualTo(Files.size(sealed.path())).isPositive();
    sealed.unlink();
    sealed.unlink();
    assertThat(directory.sealed()).isEmpty();
  }

  @Test
  void anEmptyLiveFileIsLeftToItsWriters() throws IOException {
    JournalDirectory directory = JournalDirectory.create(state());
    Files.createFile(directory.live());

    assertThat(directory.seal()).isEmpty();
    assertThat(directory.live()).exists();
  }

  @Test
  void sealedFilesComeInTheOrderOfTheirLastAppend() throws IOException {
    JournalDirectory directory = JournalDirectory.create(state());
    RecordWriter writer = new RecordWriter(directory.live(), directory.key());
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      writer.append(alarm(i));
      SealedFile sealed = directory.seal().orElseThrow();
      Files.setLastModifiedTime(sealed.path(), FileTime.fromMillis(1_000_000 - i));
      names.add(sealed.name());
    }

    Collections.reverse(names);
    assertThat(directory.sealed()).extracting(SealedFile::name).isEqualTo(names);
  }

  @Test
  void whatIsNoPlainFileIsNeitherSealedNorListed() throws IOException {
    JournalDirectory directory = JournalDirectory.create(state());
    Path elsewhere = Files.write(parent.resolve("elsewhere"), new byte[100]);
    Files.createSymbolicLink(directory.live(), elsewhere);
    Files.createSymbolicLink(directory.live().resolveSibling("sealed-00"), elsewhere);

    assertThat(directory.seal()).isEmpty();
    assertThat(directory.sealed()).isEmpty();
    assertThat(elsewhere).exists();
  }

  @Test
  void filesInTheMakingAreRemovedOnceTheyAreOld() throws IOException {
    JournalDirectory directory = JournalDirectory.create(state());
    Path young = Files.createFile(state().resolve("journal").resolve("new-1"));
    Path old = Files.createFile(state().resolve("journal").resolve("new-2"));
    Instant now = Instant.now();
    Files.setLastModifiedTime(old, FileTime.from(now.minusSeconds(61)));

    directory.removeStale(now);

    assertThat(old).doesNotExist();
    assertThat(young).exists();
  }

  @Test
  void noRecordIsLostBetweenWritersAndASealingReader() throws Exception {
    JournalDirectory directory = JournalDirectory.create(state());
    int perWriter = 2_000;
    ExecutorService threads = Executors.newFixedThreadPool(3);
    List<Future<?>> writers = new ArrayList<>();
    for (int w = 0; w < 3; w++) {
      int first = w * perWriter;
      writers.add(
          threads.submit(
              () -> {
                RecordWriter writer = new RecordWriter(directory.live(), directory.key());
                for (int i = 0; i < perWriter; i++) {
                  writer.append(alarm(first + i));
                }
                return null;
              }));
    }
    threads.shutdown();
    List<String> ids = new ArrayList<>();
    boolean last = false;
    while (!last) {
      last = writers.stream().allMatch(Future::isDone);
      for (SealedFile sealed : directory.seal().stream().toList()) {
        ids.addAll(idsIn(sealed, directory.key()));
        sealed.unlink();
      }
    }
    for (Future<?> writer : writers) {
      writer.get();
    }

    assertThat(ids.stream().distinct().count()).isEqualTo(3 * perWriter);
  }

  private static List<String> idsIn(SealedFile sealed, byte[] key) throws IOException {
    List<String> ids = new ArrayList<>();
    try (FileChannel channel = sealed.open()) {
      RecordReader reader = new RecordReader(channel, key, 0);
      while (true) {
        RecordReader.Result result = reader.next();
        if (result instanceof RecordReader.Good good) {
          ids.add(good.record().id());
        } else if (result instanceof RecordReader.End) {
          return ids;
        }
      }
    }
  }
}

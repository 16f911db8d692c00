package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What ends a wait for records, on a real directory. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class JournalWatchTest {
  /** Longer than a test may take: something else has to end it. */
  private static final Duration FOR_EVER = Duration.ofHours(1);

  private static final Duration SHORT = Duration.ofMillis(50);

  @TempDir Path state;
  private Path journal;
  private Lifetime lifetime;
  private JournalWatch watch;

  @BeforeEach
  void begin() throws IOException {
    journal = Files.createDirectory(state.resolve("journal"));
    lifetime = new Lifetime(state, null);
    watch = new JournalWatch(() -> journal, lifetime);
  }

  @Test
  void aRecordEndsTheWaitAndMakesTheWatchTrusted() throws Exception {
    assertThat(watch.trusted()).isFalse();
    Files.createFile(journal.resolve("live"));
    watch.pause(FOR_EVER);
    watch.looked(true);
    assertThat(watch.trusted()).isTrue();
  }

  @Test
  void whatTheAgentRenamesItselfIsNoRecord() throws Exception {
    Files.createFile(journal.resolve("live"));
    watch.pause(FOR_EVER);
    Files.move(journal.resolve("live"), journal.resolve("sealed-1"));
    watch.looked(true);
    watch.pause(SHORT);
    watch.looked(true);
    assertThat(watch.trusted()).as("the second was announced by nobody").isFalse();
  }

  @Test
  void aDirectoryThatWasReplacedIsWatchedOnceARecordWasFoundInIt() throws Exception {
    Files.createFile(journal.resolve("live"));
    watch.pause(FOR_EVER);
    watch.looked(true);
    Files.move(journal, state.resolve("elsewhere"));
    Files.createDirectory(journal);
    Files.createFile(journal.resolve("live"));
    watch.pause(SHORT);
    watch.looked(true);
    assertThat(watch.trusted()).isFalse();

    Files.delete(journal.resolve("live"));
    Files.createFile(journal.resolve("live"));
    watch.pause(FOR_EVER);
    watch.looked(true);
    assertThat(watch.trusted()).isTrue();
  }

  @Test
  void aDirectoryThatIsGoneIsNotTrustedAndEndsNothing() throws Exception {
    Files.createFile(journal.resolve("live"));
    watch.pause(FOR_EVER);
    watch.looked(true);
    Files.delete(journal.resolve("live"));
    Files.delete(journal);
    while (watch.trusted()) {
      watch.pause(SHORT);
      watch.looked(false);
    }
    watch.pause(SHORT);
  }

  @Test
  void aSignalEndsTheWait() throws Exception {
    Thread signal = new Thread(lifetime::signal);
    signal.start();
    watch.pause(FOR_EVER);
    signal.join();
    assertThat(lifetime.signalled()).isTrue();
  }
}

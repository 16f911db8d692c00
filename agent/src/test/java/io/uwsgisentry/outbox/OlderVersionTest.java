package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Databases that older versions of this program wrote, kept in {@code testdata/outbox}. */
class OlderVersionTest {
  private static final Instant THEN = Instant.parse("2026-11-22T12:01:00Z");

  @TempDir Path directory;
  private Path db;

  @BeforeEach
  void copy() throws IOException {
    db = Files.copy(Path.of("../testdata/outbox/version-1.db"), directory.resolve("outbox.db"));
  }

  @Test
  void everyEntryOfVersion1IsThereAndWaitsWhereItWaited() throws IOException {
    try (Outbox outbox = Outbox.open(db)) {
      assertThat(outbox.reader().list(Filter.ALL, 100))
          .extracting(entry -> entry.id().substring(31) + " " + entry.state())
          .containsExactlyInAnyOrder(
              "1 DELIVERED",
              "2 READY",
              "3 DEAD",
              "4 READY",
              "5 READY",
              "6 LOCAL",
              "7 UNDELIVERABLE",
              "8 READY");
      String key = outbox.reader().destinations().get(0).key();
      assertThat(outbox.queue().ready(key, THEN, 100, Long.MAX_VALUE, Set.of()))
          .extracting(Entry::id)
          .containsExactly("%032x".formatted(2), "%032x".formatted(8));
      assertThat(outbox.queue().holds(key)).containsEntry("error", THEN.plusSeconds(600));
      assertThat(outbox.reader().counters())
          .extracting(Counter::quantity)
          .containsExactlyInAnyOrder(1L, 12L);
    }
  }

  @Test
  void itIsSentDiscardedAndTidiedLikeANewOne() throws IOException {
    try (Outbox outbox = Outbox.open(db)) {
      String key = outbox.reader().destinations().get(0).key();
      outbox
          .queue()
          .settle(
              List.of(
                  new Settlement.Delivered("%032x".formatted(2), THEN, 200),
                  new Settlement.Dead(
                      "%032x".formatted(8), DiscardReason.SEND_ERROR, "400", THEN)));
      assertThat(outbox.queue().unreported(key, 10))
          .containsExactly(new Discarded("send_error", "error", 500));
      while (outbox.tidy(THEN.plus(Duration.ofHours(1)), Set.of())) {}
      assertThat(
              new String(
                  outbox.reader().find("%032x".formatted(2), 1).get(0).payload(),
                  StandardCharsets.UTF_8))
          .contains("of version 1");
    }
  }

  @Test
  void aReaderFindsInItWhatTheAgentWillAndLeavesItAsItIs() throws IOException {
    byte[] before = Files.readAllBytes(db);
    String read;
    try (Outbox outbox = Outbox.openReadOnly(db)) {
      read = everything(outbox);
    }
    assertThat(Files.readAllBytes(db)).isEqualTo(before);
    assertThat(directory).isDirectoryNotContaining("glob:**/outbox.db-*");

    try (Outbox outbox = Outbox.open(db)) {
      assertThat(read).isEqualTo(everything(outbox)).contains("of version 1");
    }
  }

  /** All that the command line asks for. */
  private static String everything(Outbox outbox) throws IOException {
    StringBuilder all = new StringBuilder();
    for (Entry entry : outbox.reader().list(Filter.ALL, 100)) {
      Entry whole = outbox.reader().find(entry.id(), 1).get(0);
      all.append(whole.id()).append(whole.state()).append(whole.destinationKey());
      all.append(new String(whole.payload(), StandardCharsets.UTF_8)).append('\n');
    }
    return all.append(outbox.reader().states())
        .append(outbox.reader().destinations())
        .append(outbox.reader().counters())
        .append(outbox.reader().storms())
        .append(outbox.reader().handlers())
        .append(outbox.queue().reportsDue())
        .toString();
  }

  @Test
  void itIsBroughtUpOnceAndOpenedAsUsualThen() throws IOException {
    Outbox.open(db).close();
    try (Outbox outbox = Outbox.openReadOnly(db)) {
      assertThat(outbox.reader().list(Filter.ALL, 100)).hasSize(8);
    }
    Outbox.open(db).close();
  }
}

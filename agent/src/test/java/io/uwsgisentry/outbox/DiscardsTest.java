package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is given up is counted once, and waits to be told to the server that it was meant for. */
class DiscardsTest {
  private static final Destination.To A = to("a.example");
  private static final Destination.To B = to("b.example");

  @TempDir Path directory;
  private Outbox outbox;

  @BeforeEach
  void open() throws IOException {
    outbox = Outbox.open(directory.resolve("outbox.db"));
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private static Destination.To to(String host) {
    return new Destination.To(
        new Dsn("https", host, -1, "", "key", null, "1"), true, Duration.ofSeconds(4), false);
  }

  private void discard(Destination destination, DiscardReason reason, long quantity)
      throws IOException {
    Batch batch = new Batch("sealed-1", 1);
    batch.discarded(destination, reason, "error", quantity);
    outbox.intake().store(batch);
  }

  @Test
  void quantitiesAddUpByDestinationReasonAndCategory() throws IOException {
    discard(A, DiscardReason.SAMPLE_RATE, 3);
    discard(A, DiscardReason.SAMPLE_RATE, 4);
    discard(A, DiscardReason.SEND_ERROR, 1);
    discard(B, DiscardReason.SAMPLE_RATE, 5);

    assertThat(outbox.queue().reportsDue()).containsExactlyInAnyOrder(A.key(), B.key());
    assertThat(outbox.queue().unreported(A.key(), 10))
        .containsExactly(
            new Discarded("sample_rate", "error", 7), new Discarded("send_error", "error", 1));
    assertThat(outbox.reader().counters())
        .filteredOn(counter -> counter.reason().equals("sample_rate"))
        .extracting(Counter::quantity)
        .containsExactly(12L);
  }

  @Test
  void withoutAServerItIsCountedOnly() throws IOException {
    discard(new Destination.None(), DiscardReason.SAMPLE_RATE, 2);
    assertThat(outbox.queue().reportsDue()).isEmpty();
    assertThat(outbox.reader().counters()).extracting(Counter::quantity).containsExactly(2L);
  }

  @Test
  void whatCameWhileAReportWasUnderWayIsReportedNext() throws IOException {
    discard(A, DiscardReason.SAMPLE_RATE, 3);
    List<Discarded> told = outbox.queue().unreported(A.key(), 10);
    discard(A, DiscardReason.SAMPLE_RATE, 4);
    outbox.queue().reported(A.key(), told);

    assertThat(outbox.queue().unreported(A.key(), 10))
        .containsExactly(new Discarded("sample_rate", "error", 4));
    outbox.queue().reported(A.key(), outbox.queue().unreported(A.key(), 10));
    assertThat(outbox.queue().reportsDue()).isEmpty();
  }

  @Test
  void aBatchThatFailsDiscardsNothing() {
    Batch batch = new Batch("sealed-1", 1);
    batch.discarded(A, DiscardReason.SAMPLE_RATE, "error", 3);
    batch.consumed("not hex");

    assertThatThrownBy(() -> outbox.intake().store(batch)).isInstanceOf(RuntimeException.class);
    assertThat(unreported()).isEmpty();
  }

  private List<Discarded> unreported() {
    try {
      return outbox.queue().unreported(A.key(), 10);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}

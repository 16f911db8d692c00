package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nothing costs more for each entry because many others wait. */
class BacklogTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final int MANY = 40_000;

  /**
   * Walking all that waits for each of these takes minutes of the processor, each by itself a
   * second or two.
   */
  private static final Duration LONG = Duration.ofSeconds(40);

  @TempDir Path directory;
  private Outbox outbox;

  @BeforeEach
  void open() throws IOException {
    open(NOW);
  }

  private void open(Instant now) throws IOException {
    outbox = Outbox.open(directory.resolve("outbox.db"), Clock.fixed(now, ZoneOffset.UTC));
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private static Destination.To to(String host) {
    return new Destination.To(
        new Dsn("https", host, -1, "", "key", null, "1"), true, Duration.ofSeconds(4), false);
  }

  private static String id(int number) {
    return "%032x".formatted(number);
  }

  private void store(int first, int last, Destination.To to) throws IOException {
    byte[] payload = "{}".getBytes(StandardCharsets.UTF_8);
    for (int i = first; i <= last; ) {
      Batch batch = new Batch("sealed-1", i);
      for (int end = Math.min(last, i + 999); i <= end; i++) {
        batch.summary(new Event(id(i), NOW, "error", "error", "t", payload), 1, i, 1, to, 0);
      }
      outbox.store(batch);
    }
  }

  private Duration tidied(Instant now) throws IOException {
    // Others' work is none of it, and no more is the time for which this process stands still.
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long began = threads.getCurrentThreadCpuTime();
    Duration took = Duration.ZERO;
    while (took.compareTo(LONG) < 0 && outbox.tidy(now, Set.of())) {
      took = Duration.ofNanos(threads.getCurrentThreadCpuTime() - began);
    }
    return took;
  }

  @Test
  void aDestinationThatWasDeadForAWeekIsGivenUpForItsReason() throws IOException {
    Destination.To dead = to("dead.example");
    store(1, MANY, dead);
    outbox.settle(List.of(new Settlement.Retry(id(1), NOW, "503: queue full")));
    outbox.close();
    Instant then = NOW.plus(Duration.ofDays(8));
    open(then);

    assertThat(tidied(then)).isLessThan(LONG);

    assertThat(outbox.states().keySet()).containsExactly(State.DEAD);
    assertThat(outbox.unreported(dead.key(), 9))
        .containsExactly(new Discarded("send_error", "error", MANY));
    assertThat(outbox.find(id(MANY), 1).get(0).lastError())
        .isEqualTo("waited longer than 7 days; 503: queue full");
  }
}

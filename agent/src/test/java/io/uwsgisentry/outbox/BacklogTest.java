package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
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
import org.sqlite.ProgressHandler;

/**
 * Nothing costs more for each entry because many others wait. What it costs is what SQLite counts
 * itself: the steps of its statements, which a slow machine makes no more of.
 */
class BacklogTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final int MANY = 10_000;

  /** Some 400 are needed. To walk all that waits for each of them takes several for each. */
  private static final long STEPS_OF_AN_ENTRY = MANY;

  private static final int STEPS_AT_ONCE = 1_000;

  @TempDir Path directory;
  private Outbox outbox;
  private long steps;

  private static final Footprint FOOTPRINT = Footprint.asAsked(Bounds.DEFAULT);

  @BeforeEach
  void open() throws Exception {
    open(NOW);
  }

  private void open(Instant now) throws Exception {
    Database database = Opening.forWriting(directory.resolve("outbox.db"), FOOTPRINT);
    outbox = new Outbox(database, Clock.fixed(now, ZoneOffset.UTC), FOOTPRINT);
    Connection connection = database.prepared("SELECT 1").getConnection();
    ProgressHandler.setHandler(
        connection,
        STEPS_AT_ONCE,
        new ProgressHandler() {
          @Override
          protected int progress() {
            steps += STEPS_AT_ONCE;
            return 0;
          }
        });
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
      outbox.intake().store(batch);
    }
  }

  /** How many steps it took for each, as far as that is no more than it may be. */
  private long tidied(Instant now) throws IOException {
    steps = 0;
    while (steps <= MANY * STEPS_OF_AN_ENTRY && outbox.tidy(now, Set.of())) {}
    return steps / MANY;
  }

  @Test
  void aDestinationThatWasDeadForAWeekIsGivenUpForItsReason() throws Exception {
    Destination.To dead = to("dead.example");
    store(1, MANY, dead);
    outbox.queue().settle(List.of(new Settlement.Retry(id(1), NOW, "503: queue full")));
    outbox.close();
    Instant then = NOW.plus(Duration.ofDays(8));
    open(then);

    assertThat(tidied(then)).isBetween(10L, STEPS_OF_AN_ENTRY);

    assertThat(outbox.reader().states().keySet()).containsExactly(State.DEAD);
    assertThat(outbox.queue().unreported(dead.key(), 9))
        .containsExactly(new Discarded("send_error", "error", MANY));
    assertThat(outbox.reader().find(id(MANY), 1).get(0).lastError())
        .isEqualTo("waited longer than 7 days; 503: queue full");
  }
}

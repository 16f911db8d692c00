package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.intake.SetClock;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.outbox.Outbox;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClockJumpTest {
  private static final Instant NOON = Instant.parse("2026-11-22T12:00:00Z");

  private final SetClock clock = new SetClock(NOON);
  private long nanos = 4711;
  private final ClockJump jump = new ClockJump(clock, () -> nanos);

  private void pass(Duration time) {
    clock.advance(time);
    nanos += time.toNanos();
  }

  @Test
  void timeThatPassesIsNoJumpHoweverMuchItIs() {
    pass(Duration.ofDays(3));
    assertThat(jump.pending()).isZero();
  }

  @Test
  void aClockThatIsSetIsOneOnce() {
    pass(Duration.ofSeconds(5));
    clock.advance(Duration.ofDays(365));
    assertThat(jump.pending()).isEqualTo(Duration.ofDays(365));
    jump.seenTo();
    pass(Duration.ofSeconds(5));
    assertThat(jump.pending()).isZero();

    clock.advance(Duration.ofDays(-1));
    pass(Duration.ofSeconds(5));
    assertThat(jump.pending()).isEqualTo(Duration.ofDays(-1));
  }

  @Test
  void driftIsNone() {
    clock.advance(Duration.ofSeconds(-20));
    assertThat(jump.pending()).isZero();
  }

  @Test
  void aJumpIsToldUntilItIsSeenToAndAddsToTheNextOne() {
    clock.advance(Duration.ofDays(7));
    assertThat(jump.pending()).isEqualTo(Duration.ofDays(7));
    pass(Duration.ofSeconds(1));
    assertThat(jump.pending()).isEqualTo(Duration.ofDays(7));
    clock.advance(Duration.ofDays(-2));
    assertThat(jump.pending()).isEqualTo(Duration.ofDays(5));
    jump.seenTo();
    assertThat(jump.pending()).isZero();
  }

  @Test
  void untilItIsSeenToTimeGoesOnAsBefore() {
    clock.advance(Duration.ofHours(1));
    pass(Duration.ofSeconds(2));
    assertThat(jump.instant()).isEqualTo(NOON.plusSeconds(2));
    assertThat(jump.pending()).isEqualTo(Duration.ofHours(1));
    assertThat(jump.instant()).isEqualTo(NOON.plusSeconds(2));
    jump.seenTo();
    assertThat(jump.instant()).isEqualTo(clock.instant());
  }

  @ParameterizedTest
  @ValueSource(longs = {3600, -3600})
  void whatAServerAsksForBeforeTheJumpIsNoticedLastsAsLongAsItAsked(
      long seconds, @TempDir Path directory) throws IOException {
    try (Outbox outbox = Outbox.open(directory.resolve("outbox.db"), jump, Bounds.DEFAULT)) {
      outbox.queue().hold("destination", "error", jump.instant().plusSeconds(50));
      clock.advance(Duration.ofSeconds(seconds));
      outbox.queue().hold("destination", "default", jump.instant().plusSeconds(60));
      outbox.clockJumped(jump.pending());
      jump.seenTo();
      assertThat(outbox.queue().holds("destination"))
          .containsOnly(
              Map.entry("error", clock.instant().plusSeconds(50)),
              Map.entry("default", clock.instant().plusSeconds(60)));
    }
  }
}

package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class ClockJumpTest {
  private final SetClock clock = new SetClock(Instant.parse("2026-11-22T12:00:00Z"));
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
}

package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The clock was set, and what was stored before is measured along. */
class ClockSetTest extends OutboxScene {
  private static final Duration LONG = Duration.ofDays(400);

  private void tidy() throws IOException {
    while (outbox.tidy(now, Set.of())) {
      // Until nothing is left to do.
    }
  }

  @Test
  void whatWasStoredByAClockSetBackIsAsFreshAsItIs() throws IOException {
    store(to("a.example"), 1);
    Duration back = Duration.ofDays(-10);
    now = NOW.plus(back);
    outbox.clockJumped(back);
    store(to("a.example"), 2);
    tidy();
    assertThat(ready("a.example")).containsExactly(id(1), id(2));

    now = now.plus(Duration.ofDays(8));
    tidy();
    assertThat(ready("a.example")).as("both are too old by now").isEmpty();
  }

  @Test
  void whatWasStoredByAClockSetAheadIsAsFreshAsItIs() throws IOException {
    store(to("a.example"), 1);
    now = NOW.plus(LONG);
    outbox.clockJumped(LONG);
    store(to("a.example"), 2);
    tidy();
    assertThat(ready("a.example")).containsExactly(id(1), id(2));

    now = now.plus(Duration.ofDays(8));
    tidy();
    assertThat(ready("a.example")).as("both are too old by now").isEmpty();
  }

  @Test
  void whatWasPutOffIsPutOffForAsLong() throws IOException {
    store(to("a.example"), 1);
    outbox
        .queue()
        .settle(List.of(new Settlement.Retry(id(1), now.plusSeconds(5), "no connection")));
    now = NOW.plus(LONG);
    outbox.clockJumped(LONG);
    assertThat(ready("a.example")).isEmpty();
    now = now.plusSeconds(5);
    assertThat(ready("a.example")).containsExactly(id(1));
  }

  @Test
  void aClockThatWasSetBackWhileNobodyLookedIsBehindWhatIsStored() throws IOException {
    store(to("a.example"), 1);
    outbox.queue().hold("destination", "error", now.plusSeconds(2));
    outbox
        .queue()
        .settle(List.of(new Settlement.Retry(id(1), now.plusSeconds(5), "no connection")));
    assertThat(outbox.behind()).isZero();
    now = NOW.minus(Duration.ofHours(1));
    reopen();
    assertThat(outbox.behind()).isEqualTo(Duration.ofHours(1));
    outbox.clockJumped(outbox.behind().negated());
    assertThat(outbox.behind()).isZero();
    assertThat(outbox.queue().holds("destination")).containsEntry("error", now.plusSeconds(2));
    now = now.plusSeconds(5);
    assertThat(ready("a.example")).containsExactly(id(1));
  }
}

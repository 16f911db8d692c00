package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The clock was set, and something happened before that was noticed. */
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
    store(to("a.example"), 2);
    now = now.plusSeconds(1);
    outbox.clockJumped(back);
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
    store(to("a.example"), 2);
    outbox.clockJumped(LONG);
    tidy();
    assertThat(ready("a.example")).containsExactly(id(1), id(2));

    now = now.plus(Duration.ofDays(8));
    tidy();
    assertThat(ready("a.example")).as("both are too old by now").isEmpty();
  }

  @Test
  void whatWasPutOffByAClockSetAheadIsNotPutOffOnceMore() throws IOException {
    store(to("a.example"), 1);
    now = NOW.plus(LONG);
    outbox.settle(List.of(new Settlement.Retry(id(1), now.plusSeconds(5), "no connection")));
    outbox.clockJumped(LONG);
    now = now.plusSeconds(5);
    assertThat(ready("a.example")).containsExactly(id(1));
  }
}

package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A server that answers by what is in an event: a filter before it that takes offence, a fault of
 * its own. The others get through, however many those are and wherever in the queue they stand.
 */
class DeniedTest {
  private static final Duration SOON = Patience.SOON;

  /** A test that waits for one pause of an open circuit does not end. */
  private static final RetryPolicy NO_PAUSE_ENDS =
      new RetryPolicy(ofSeconds(3600), ofSeconds(3600), ofMillis(1), 8);

  /** A hundredth of the usual times. */
  private static final RetryPolicy HUNDREDTH =
      new RetryPolicy(ofMillis(10), ofMillis(600), ofMillis(1), 8);

  @TempDir Path directory;
  private Rig rig;
  private final Receiver receiver = Receiver.start();
  private final Destination.To to = Rig.to(receiver.dsn());

  @BeforeEach
  void open() throws IOException {
    rig = new Rig(directory, NO_PAUSE_ENDS, Clock.systemUTC());
  }

  @AfterEach
  void close() throws IOException {
    rig.close();
    receiver.close();
  }

  private void use(RetryPolicy policy) throws IOException {
    rig.close();
    rig = new Rig(directory.resolve("other"), policy, Clock.systemUTC());
  }

  /** Stores so many, of which these are answered otherwise. */
  private void storeAndSend(int all, int status, IntPredicate odd) throws IOException {
    Set<String> ids = new HashSet<>();
    List<Event> events = new ArrayList<>();
    for (int i = 1; i <= all; i++) {
      events.add(Rig.event(i));
      if (odd.test(i)) {
        ids.add(Rig.id(i));
      }
    }
    receiver.behave(
        request ->
            ids.contains(request.envelope().eventId())
                ? Behaviour.answer(status, Map.of(), "blocked by a filter")
                : Behaviour.answer(200, Map.of(), ""));
    rig.store(events, to);
    rig.delivery.start();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 5, 100})
  void thoseBehindDeniedOnesNeedNotWaitForAnyPause(int before) throws Exception {
    storeAndSend(before + 50, 403, i -> i <= before);
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 50);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 5, 11})
  void norThoseBetweenThem(int each) throws Exception {
    storeAndSend(220, 403, i -> i % each == 0);
    int good = 220 - 220 / each;
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == good);
  }

  @Test
  void whereNineOfTenAreDeniedTheTenthGetsThrough() throws Exception {
    storeAndSend(200, 403, i -> i % 10 != 0);
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 20);
  }

  @ParameterizedTest
  @CsvSource({"5", "30"})
  void thoseThatAServerFailsOnHoldNobodyUp(int before) throws Exception {
    use(HUNDREDTH);
    storeAndSend(before + 50, 500, i -> i <= before);
    await().atMost(SOON).until(() -> rig.count(State.DELIVERED) == 50);
  }
}

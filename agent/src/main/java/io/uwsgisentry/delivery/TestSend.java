package io.uwsgisentry.delivery;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Destination;
import java.time.Clock;

/**
 * Sends one event at once, past outbox and lanes, for a person who wants to see the server's
 * answer.
 */
public final class TestSend {
  private TestSend() {}

  /**
   * Waits for the answer, at most about {@code to.timeout()}.
   *
   * @param log takes the exchange if {@code to} is a {@code debug} destination, several lines at
   *     once
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public static Outcome send(Event event, Destination.To to, Log log) throws InterruptedException {
    return new Sender(Clock.systemUTC(), log).send(new Outgoing.OfTest(event, to));
  }
}

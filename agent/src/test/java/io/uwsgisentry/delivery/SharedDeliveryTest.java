package io.uwsgisentry.delivery;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Receiver;
import java.time.Clock;
import org.junit.jupiter.api.Test;

/** Many servers, some of them silent, and only so many requests under way. */
class SharedDeliveryTest extends DeliveryScene {
  @Test
  void aSilentServerDelaysNobodyElse() throws Exception {
    receiver.behave(Behaviour.silent());
    rig.store(100, Rig.to(receiver.dsn(), ofSeconds(60)));
    rig.delivery.start();
    receiver.awaitRequests(1, SOON);

    try (Receiver healthy = Receiver.start()) {
      rig.store(200, Rig.to(healthy.dsn()));
      healthy.awaitEvents(200, SOON);
    }
    assertThat(receiver.requests()).as("one request in flight is enough to find out").hasSize(1);
  }

  @Test
  void sixtySilentServersDelayNobodyElse() throws Exception {
    receiver.behave(Behaviour.silent());
    try (Receiver healthy = Receiver.start()) {
      rig.store(1, Rig.to(healthy.dsn()));
      rig.delivery.start();
      healthy.awaitEvents(1, SOON);
      for (int project = 1; project <= 60; project++) {
        rig.store(2, Rig.to(receiver.dsn("" + project), ofSeconds(60)));
      }
      receiver.awaitRequests(40, SOON);

      rig.store(100, Rig.to(healthy.dsn()));
      healthy.awaitEvents(101, SOON);
    }
  }

  @Test
  void noMoreRequestsAreInFlightThanAllowedAndTheOthersHaveTheirTurn() throws Exception {
    rig.close();
    rig = new Rig(directory, Rig.QUICK, Clock.systemUTC(), 4);
    receiver.behave(together(3));
    for (int project = 1; project <= 12; project++) {
      rig.store(20, Rig.to(receiver.dsn("" + project)));
    }
    rig.delivery.start();

    receiver.awaitEvents(12 * 20, SOON);
    assertThat(receiver.mostInFlight()).isBetween(3, 4);
    assertThat(rig.log)
        .containsOnlyOnce(
            "WARN more destinations wait than 4 requests at once can serve, they take turns. If that"
                + " lasts, raise sentry-max-requests");
  }

  @Test
  void twoRequestsLeaveAHealthyServerOneThatSilentOnesCannotTake() throws Exception {
    rig.close();
    rig = new Rig(directory, Rig.QUICK, Clock.systemUTC(), 2);
    receiver.behave(Behaviour.silent());
    try (Receiver healthy = Receiver.start()) {
      rig.store(1, Rig.to(healthy.dsn()));
      rig.delivery.start();
      healthy.awaitEvents(1, SOON);
      for (int project = 1; project <= 5; project++) {
        rig.store(2, Rig.to(receiver.dsn("" + project), ofSeconds(60)));
      }
      receiver.awaitRequests(1, SOON);

      rig.store(20, Rig.to(healthy.dsn()));
      healthy.awaitEvents(21, SOON);
    }
  }
}

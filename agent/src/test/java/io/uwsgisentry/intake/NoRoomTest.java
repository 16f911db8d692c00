package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Footprint;
import io.uwsgisentry.outbox.OutboxException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A database that may not grow, and has no free page for what is in the journal. */
class NoRoomTest {
  private static final long KIB = 1 << 10;
  private static final Footprint SMALL =
      new Footprint(64 * KIB, 512 * KIB, 128 * KIB, 0, 128 * KIB, Bounds.DEFAULT, true);
  // Five are told one by one, the sixth is kept with the window.
  private static final int RECORDS_EACH = 6;

  @TempDir Path state;

  /** So many different faults that their open windows take all of the room. */
  private static int fillWithWindows(PumpScene scene) throws Exception {
    for (int number = 0; number < 20_000; number += RECORDS_EACH) {
      for (int i = 1; i <= RECORDS_EACH; i++) {
        scene.append(alarm(number + i, PumpScene.DSN, number));
      }
      try {
        scene.pass();
      } catch (OutboxException e) {
        assertThat(e.diskFull()).isTrue();
        return number + RECORDS_EACH;
      }
    }
    throw new AssertionError("there is always room");
  }

  @Test
  void windowsThatAreOverEndAndMakeRoomForTheRecordsThatWait() throws Exception {
    try (PumpScene scene = new PumpScene(state, SMALL)) {
      int records = fillWithWindows(scene);
      assertThatThrownBy(scene::pass)
          .as("the windows are open, and they are not given up")
          .isInstanceOf(OutboxException.class);
      assertThat(scene.directory().bytes()).isPositive();

      scene.clock().advance(Duration.ofSeconds(63));
      assertThatThrownBy(scene::pass)
          .as("it fails once more, and has ended them")
          .isInstanceOf(OutboxException.class);
      scene.pass();
      scene.clock().advance(Duration.ofSeconds(63));
      scene.pass();
      scene.finish();

      assertThat(scene.directory().bytes()).isZero();
      assertThat(scene.outbox().reader().storms().occurrences()).isZero();
      assertThat(scene.told() + scene.counted(Counter.Name.DISCARDED)).isEqualTo(records);
    }
  }
}

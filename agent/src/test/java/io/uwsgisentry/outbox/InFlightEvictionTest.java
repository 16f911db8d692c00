package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.InstanceOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Want of room takes nothing that is on its way, wherever in the queue it stands. */
class InFlightEvictionTest extends OutboxScene {
  @Test
  void anEventOnItsWayIsNotMadeRoomOfUntilItIsBack() throws Exception {
    reopen(Bounds.of(Map.of(InstanceOption.OUTBOX_ENTRIES, "500")));
    store(to("a.example"), IntStream.rangeClosed(1, 400).toArray());
    String key = to("a.example").key();
    List<Entry> taken = outbox.queue().toSend(() -> outbox.queue().probe(key, now, 0.5, Set.of()));
    String id = taken.get(0).id();

    store(to("a.example"), IntStream.rangeClosed(401, 1_200).toArray());
    assertThat(outbox.reader().find(id, 1)).hasSize(1);
    assertThat(outbox.reader().states().get(State.READY).entries()).isLessThanOrEqualTo(500);

    outbox.queue().inFlight().remove(id);
    store(to("a.example"), IntStream.rangeClosed(1_201, 2_000).toArray());
    assertThat(outbox.reader().find(id, 1)).isEmpty();
  }
}

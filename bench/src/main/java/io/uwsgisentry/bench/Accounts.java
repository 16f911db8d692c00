package io.uwsgisentry.bench;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/**
 * Where the events of a state directory are. Its sum is what uWSGI's processes meant to report.
 *
 * @param byState what the entries stand for
 * @param dropped counted by the writers as not appended
 */
record Accounts(Map<State, Long> byState, long dropped) {
  static Accounts of(Path state) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      Map<State, Long> byState = new EnumMap<>(State.class);
      for (Map.Entry<State, Tally> tally : outbox.reader().states().entrySet()) {
        byState.put(tally.getKey(), tally.getValue().occurrences());
      }
      long dropped =
          outbox.reader().counters().stream()
              .filter(counter -> counter.name() == Counter.Name.DROPPED)
              .mapToLong(Counter::quantity)
              .sum();
      return new Accounts(byState, dropped);
    } catch (NoSuchFileException e) {
      return new Accounts(Map.of(), 0);
    }
  }

  /** What the agent has read so far, storms that it still counts included. */
  static long counted(Path state) {
    try (Outbox outbox = Outbox.openReadOnly(state.resolve("outbox.db"))) {
      return of(state).sum() + outbox.reader().storms().occurrences();
    } catch (NoSuchFileException e) {
      return 0; // the agent has yet to make it
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  long stored() {
    return byState.values().stream().mapToLong(Long::longValue).sum();
  }

  long sum() {
    return stored() + dropped;
  }

  long in(State state) {
    return byState.getOrDefault(state, 0L);
  }
}

package io.uwsgisentry.intake;

import static io.uwsgisentry.intake.Journal.alarm;
import static io.uwsgisentry.intake.Journal.brief;
import static io.uwsgisentry.intake.Journal.configuration;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.journal.Keys;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.redaction.Scrubber;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two servers of one state directory whose instances and handlers have the same names, and whose
 * events belong to two projects.
 */
class NamesakesTest {
  private static final String OTHER = "07e40000c0ffee02";
  private static final String OURS = "https://ours@a.example/1";
  private static final String THEIRS = "https://theirs@b.example/2";

  private final SetClock clock = new SetClock(Journal.time(0));
  @TempDir Path state;
  private Journal journal;
  private Outbox outbox;
  private JournalPump pump;

  @BeforeEach
  void open() throws IOException {
    journal = new Journal(state);
    outbox = Outbox.open(state.resolve("outbox.db"), clock);
    pump =
        new JournalPump(
            journal.directory,
            new Keys(journal.directory.key()),
            Standing.assumed(),
            outbox,
            new EventFactory(new Scrubber(), "test"),
            () -> {},
            (level, line) -> {},
            clock,
            System::nanoTime);
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private List<Entry> all() throws IOException {
    return outbox.reader().list(Filter.ALL, 100);
  }

  private static String host(Entry entry) {
    return entry.dsn() == null ? "" : entry.dsn().host();
  }

  @Test
  void whatOneServersSentryRefusesStaysItsWhenTheOtherStarts() throws Exception {
    journal.append(alarm(1, OURS));
    pump.pass();
    String ours = outbox.queue().destinationsReady(clock.instant()).get(0);
    outbox
        .queue()
        .openCircuit(ours, new OpenCircuit(403, "403: quota", clock.instant(), 1, clock.instant()));

    journal.append(Journal.of(OTHER, configuration(2, "dsn=" + THEIRS)));
    pump.pass();

    assertThat(all()).singleElement().satisfies(e -> assertThat(host(e)).isEqualTo("a.example"));
  }

  @Test
  void whatOneServerKeepsOnTheMachineIsNotSentWhenTheOtherStarts() throws Exception {
    journal.append(alarm(1, ""));
    pump.pass();

    journal.append(Journal.of(OTHER, configuration(2, "dsn=" + THEIRS)));
    pump.pass();

    assertThat(all()).singleElement().satisfies(e -> assertThat(e.state()).isEqualTo(State.LOCAL));
  }

  @Test
  void whatIsCountedOfOneServerIsToldToItsOwnProject() throws Exception {
    journal.append(alarm(1, OURS, 7));
    journal.append(Journal.of(OTHER, alarm(2, THEIRS, 8)));
    for (int number = 3; number <= 12; number++) {
      journal.append(brief(number, 7));
    }
    pump.pass();
    pump.flushStorms();

    assertThat(all())
        .filteredOn(entry -> entry.occurrences() == 10)
        .singleElement()
        .satisfies(summary -> assertThat(host(summary)).isEqualTo("a.example"));
  }
}

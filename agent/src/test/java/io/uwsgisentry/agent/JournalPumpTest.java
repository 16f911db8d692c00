package io.uwsgisentry.agent;

import static io.uwsgisentry.agent.Journal.alarm;
import static io.uwsgisentry.agent.Journal.brief;
import static io.uwsgisentry.agent.Journal.id;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.policy.Scrubber;
import io.uwsgisentry.testkit.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalPumpTest {
  private static final String DSN = "https://key@sentry.example/1";
  private static final int PROBLEM_KIND = 99;

  @TempDir Path state;
  private final AtomicInteger woken = new AtomicInteger();
  private final List<String> log = new ArrayList<>();
  private final SetClock clock = new SetClock(Journal.time(0));
  private Journal journal;
  private Outbox outbox;
  private JournalPump pump;

  @BeforeEach
  void open() throws IOException {
    journal = new Journal(state);
    outbox = Outbox.open(state.resolve("outbox.db"));
    pump = pump();
  }

  private JournalPump pump() throws IOException {
    return new JournalPump(
        journal.directory,
        journal.directory.key(),
        outbox,
        new EventFactory(new Scrubber(), "test"),
        woken::incrementAndGet,
        log::add,
        clock);
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private List<Entry> entries(State state) throws IOException {
    return outbox.list(Filter.of(state), 10_000);
  }

  private Map<Counter.Name, Long> counters() throws IOException {
    return outbox.counters().stream()
        .collect(Collectors.toMap(Counter::name, Counter::quantity, Long::sum));
  }

  private Map<String, Object> payload(Entry entry) throws IOException {
    byte[] payload = outbox.find(entry.id(), 1).get(0).payload();
    return Json.object(new String(payload, StandardCharsets.UTF_8));
  }

  private long occurrences(Entry entry) throws IOException {
    Map<?, ?> extra = (Map<?, ?>) payload(entry).get("extra");
    Object count = extra == null ? null : extra.get("occurrences");
    return count == null ? 1 : ((Number) count).longValue();
  }

  @Test
  void anEmptyJournalIsNothingToDo() throws Exception {
    assertThat(pump.pass()).isFalse();
    assertThat(woken).hasValue(0);
  }

  @Test
  void aRecordBecomesAnEntryAndItsFileIsGone() throws Exception {
    journal.append(alarm(1, DSN));

    assertThat(pump.pass()).isTrue();
    pump.finish();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
    assertThat(outbox.find(id(1), 1).get(0).handler()).isEqualTo("alarm seen");
    assertThat(journal.directory.bytes()).isZero();
    assertThat(woken.get()).isPositive();
    assertThat(pump.pass()).isFalse();
  }

  @Test
  void aTornRecordIsCountedWithItsBytes() throws Exception {
    byte[] torn = Arrays.copyOf(journal.bytes(alarm(1, DSN)), 100);
    journal.appendBytes(torn);
    journal.append(alarm(2, DSN));
    journal.appendBytes(torn);

    pump.pass();
    pump.finish();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
    assertThat(counters())
        .containsEntry(Counter.Name.TORN, 2L)
        .containsEntry(Counter.Name.SKIPPED_BYTES, 200L);
    assertThat(log).singleElement().asString().contains("100 bytes at 0", "and 1 more");
    assertThat(journal.directory.bytes()).isZero();
  }

  @Test
  void aRecordThatWasAppendedTwiceIsTakenOnce() throws Exception {
    journal.append(alarm(1, DSN));
    journal.append(alarm(1, DSN));
    pump.pass();
    pump.finish();
    journal.append(alarm(1, DSN));
    journal.append(Journal.drops(2, "disk_full", 3));
    pump.pass();
    pump.finish();
    journal.append(Journal.drops(2, "disk_full", 3));
    pump.pass();
    pump.finish();

    assertThat(entries(State.READY)).hasSize(1);
    assertThat(counters())
        .containsEntry(Counter.Name.DUPLICATE, 3L)
        .containsEntry(Counter.Name.DROPPED, 3L);
  }

  @Test
  void dropsAreCountedByReasonAndInstance() throws Exception {
    journal.append(Journal.drops(1, "disk_full", 3));
    journal.append(Journal.drops(2, "disk_full", 4));
    journal.append(Journal.drops(3, "journal_full", 1_000_000));

    pump.pass();
    pump.finish();

    assertThat(outbox.counters())
        .extracting(Counter::name, Counter::reason, Counter::subject, Counter::quantity)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(Counter.Name.DROPPED, "disk_full", "shop", 7L),
            org.assertj.core.groups.Tuple.tuple(
                Counter.Name.DROPPED, "journal_full", "shop", 1_000_000L));
  }

  @Test
  void aRecordThatNoBuilderTakesIsKeptAsItIs() throws Exception {
    var record = Journal.record(1, PROBLEM_KIND, false, 1, "instance", "shop", "handler", "x");
    journal.append(record);
    journal.append(alarm(2, DSN));

    pump.pass();
    pump.finish();

    Entry dead = outbox.find(id(1), 1).get(0);
    assertThat(dead.state()).isEqualTo(State.DEAD);
    assertThat(dead.payload()).isEqualTo(journal.bytes(record));
    assertThat(dead.lastError()).contains("kind 99");
    assertThat(log).singleElement().asString().contains(id(1), "kind 99");
    assertThat(counters()).containsEntry(Counter.Name.DISCARDED, 1L);
    assertThat(entries(State.READY)).hasSize(1);
  }

  /** The clock goes beyond the end of every window that is open. */
  private void afterTheWindow() throws Exception {
    clock.advance(Duration.ofSeconds(63));
    pump.pass();
  }

  @Test
  void briefRecordsAreCountedExactlyInOneEventLikeTheLastWholeOne() throws Exception {
    journal.append(alarm(1, DSN, 7));
    journal.append(brief(2, 7));
    journal.append(brief(3, 7));
    journal.append(brief(3, 7));
    pump.pass();
    pump.finish();
    for (int number = 10; number < 60; number++) {
      journal.append(brief(number, 7));
    }
    pump.pass();
    pump.finish();
    assertThat(entries(State.READY)).hasSize(1);
    afterTheWindow();

    List<Entry> entries = entries(State.READY);
    assertThat(entries).hasSize(2);
    for (Entry entry : entries) {
      assertThat(entry.occurrences()).isEqualTo(occurrences(entry));
      assertThat(payload(entry)).containsEntry("logger", "test");
      assertThat(entry.title()).isEqualTo(entries.get(1).title());
    }
    assertThat(entries).extracting(Entry::occurrences).containsExactly(52L, 1L);
    assertThat(counters())
        .containsEntry(Counter.Name.BRIEF, 52L)
        .containsEntry(Counter.Name.FOLDED, 52L);
  }

  @Test
  void aSummaryIsNeverLikeAnEventThatAnotherServerGot() throws Exception {
    journal.append(alarm(1, DSN, 7));
    journal.append(Journal.configuration(2, "dsn=https://other@b.example/2"));
    journal.append(brief(3, 7));
    journal.append(brief(4, 7));
    pump.pass();
    pump.finish();
    afterTheWindow();

    Entry summary = entries(State.READY).get(0);
    assertThat(summary.dsn().toString()).contains("b.example");
    assertThat(summary.occurrences()).isEqualTo(2);
    assertThat(payload(summary).toString()).doesNotContain("line 1");
  }

  @Test
  void briefRecordsOfAHandlerWithoutAnyEventGoWhereItsDefinitionSays() throws Exception {
    journal.append(Journal.configuration(1, "dsn=" + DSN + ",level=warning"));
    journal.append(brief(2, 8));
    journal.append(brief(3, 8));
    pump.pass();
    pump.finish();
    afterTheWindow();

    Entry entry = entries(State.READY).get(0);
    assertThat(entry.occurrences()).isEqualTo(2);
    assertThat(entry.level()).isEqualTo("warning");
    assertThat(entry.handler()).isEqualTo("alarm seen");
    assertThat(occurrences(entry)).isEqualTo(2);
  }

  @Test
  void briefRecordsOfAnUnknownHandlerWaitForItsDefinition() throws Exception {
    journal.append(brief(1, 9));
    pump.pass();
    pump.finish();
    afterTheWindow();
    assertThat(entries(State.LOCAL)).hasSize(1);

    journal.append(Journal.configuration(2, "dsn=" + DSN));
    pump.pass();
    pump.finish();

    assertThat(entries(State.READY)).hasSize(1);
  }

  @Test
  void whatIsDoubtfulInAConfigurationIsLoggedOnceAndAgainWhenItChanges() throws Exception {
    String warning =
        "configuration of shop, alarm seen: unknown option 'levl': did you mean 'level'?";
    journal.append(Journal.configuration(1, "levl=fatal"));
    pump.pass();
    assertThat(log).containsExactly(warning);

    journal.append(Journal.configuration(2, "levl=fatal"));
    pump.pass();
    assertThat(log).as("a reload that changed nothing").containsExactly(warning);

    journal.append(Journal.configuration(3, "level=fatal,logger="));
    pump.pass();
    assertThat(log).hasSize(2);
    assertThat(log.get(1)).endsWith("alarm seen: 'logger' is empty and counts as not given");
  }

  @Test
  void anEventThatWaitsForADsnGetsItAtTheNextStart() throws Exception {
    journal.append(alarm(1, ""));
    pump.pass();
    pump.finish();
    journal.append(Journal.configuration(2, "dsn=" + DSN));
    // The configuration is stored and the agent dies before it acts upon it.
    SealedFile sealed = journal.directory.seal().orElseThrow();
    BatchAssembly assembly =
        new BatchAssembly(
            outbox,
            new EventFactory(new Scrubber(), "test"),
            (from, to) -> new byte[0],
            sealed.name(),
            Files.size(sealed.path()));
    outbox.store(
        assembly.assemble(
            List.of(
                new Finding(
                    Journal.configuration(2, "dsn=" + DSN), null, 0, Files.size(sealed.path())))));
    assertThat(entries(State.LOCAL)).hasSize(1);

    pump().pass();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
  }

  @Test
  void readingGoesOnWhereTheDeadAgentHadStoredTo() throws Exception {
    journal.append(alarm(1, DSN));
    long position = journal.directory.bytes();
    journal.append(alarm(2, DSN));
    SealedFile sealed = journal.directory.seal().orElseThrow();
    outbox.store(new io.uwsgisentry.outbox.Batch(sealed.name(), position));

    pump.pass();
    pump.finish();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
    assertThat(sealed.path()).doesNotExist();
  }

  @Test
  void aFileThatWasFinishedButNotUnlinkedIsReadOnAndUnlinked() throws Exception {
    journal.append(alarm(1, DSN));
    SealedFile sealed = journal.directory.seal().orElseThrow();
    outbox.store(new io.uwsgisentry.outbox.Batch(sealed.name(), Files.size(sealed.path())));
    outbox.finish(List.of(sealed.name()));
    // A writer that had opened the file before it was sealed.
    Files.write(sealed.path(), journal.bytes(alarm(2, DSN)), StandardOpenOption.APPEND);

    pump.pass();
    pump.finish();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
    assertThat(sealed.path()).doesNotExist();
  }

  @Test
  void whatComesAfterTheFileWasReadIsReadBeforeItIsUnlinked() throws Exception {
    journal.append(alarm(1, DSN));
    pump.pass();
    SealedFile sealed = journal.directory.sealed().get(0);
    Files.write(sealed.path(), journal.bytes(alarm(2, DSN)), StandardOpenOption.APPEND);

    pump.finish();
    pump.finish();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactlyInAnyOrder(id(1), id(2));
    assertThat(sealed.path()).doesNotExist();
  }

  @Test
  void filesAreUnlinkedAfterAWhileWithoutBeingAskedTo() throws Exception {
    journal.append(alarm(1, DSN));
    pump.pass();
    assertThat(journal.directory.sealed()).hasSize(1);

    await()
        .untilAsserted(
            () -> {
              pump.pass();
              assertThat(journal.directory.sealed()).isEmpty();
            });
  }

  @Test
  void manyRecordsOfManySizesAreAllTaken() throws Exception {
    int large = 0;
    for (int number = 1; number <= 1_800; number++) {
      if (number % 300 == 0) {
        journal.append(
            Journal.record(
                number,
                1,
                false,
                number,
                "instance",
                "shop",
                "handler",
                "alarm seen",
                "options",
                "dsn=" + DSN,
                "text",
                "x".repeat(400_000)));
        large++;
      } else {
        journal.append(alarm(number, DSN));
      }
    }

    pump.pass();
    pump.finish();

    assertThat(large).isEqualTo(6);
    assertThat(entries(State.READY)).hasSize(1_800);
  }

  @Test
  void aFailingOutboxLosesNothingAndIsNoReasonForCare() throws Exception {
    journal.append(alarm(1, DSN));
    sql("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(pump::pass).isInstanceOf(IOException.class).hasMessageContaining("full");
    }
    assertThat(journal.directory.sealed()).hasSize(1);

    sql("DROP TRIGGER full");
    pump.pass();
    pump.finish();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
    assertThat(journal.directory.bytes()).isZero();
  }

  @Test
  void agentsThatFailOneAfterTheOtherAreNoReasonForCareEither() throws Exception {
    journal.append(alarm(1, DSN));
    sql("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(pump()::pass).isInstanceOf(IOException.class);
    }
    sql("DROP TRIGGER full");

    pump().pass();

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
  }

  @Test
  void agentsThatAreTooOldForAFileLeaveItAsHealthyAsItWas() throws Exception {
    journal.appendBytes(journal.bytes(alarm(1, DSN), 9));
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(pump()::pass).isInstanceOf(NewerJournalException.class);
    }
    SealedFile sealed = journal.directory.sealed().get(0);

    assertThat(outbox.begin(sealed.name()).attempts()).isEqualTo(1);
  }

  private void sql(String statement) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + state.resolve("outbox.db"));
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }

  @Test
  void theRecordAtWhichTheAgentDiedAgainAndAgainIsStoredUnread() throws Exception {
    journal.append(alarm(1, DSN));
    journal.append(alarm(2, DSN));
    SealedFile sealed = journal.directory.seal().orElseThrow();
    for (int death = 1; death <= 5; death++) {
      outbox.begin(sealed.name());
    }

    pump.pass();
    pump.finish();

    assertThat(entries(State.DEAD)).extracting(Entry::id).containsExactly(id(1));
    assertThat(outbox.find(id(1), 1).get(0).lastError()).contains("ended the agent 5 times");
    assertThat(outbox.find(id(1), 1).get(0).payload()).isEqualTo(journal.bytes(alarm(1, DSN)));
    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(2));
  }

  @Test
  void afterAFewDeathsAtAFileItsRecordsAreStoredOneByOne() throws Exception {
    journal.append(alarm(1, DSN));
    journal.append(alarm(2, DSN));
    SealedFile sealed = journal.directory.seal().orElseThrow();
    outbox.begin(sealed.name());
    outbox.begin(sealed.name());

    pump.pass();

    assertThat(entries(State.READY)).hasSize(2);
    assertThat(woken).as("transactions").hasValue(2);
  }

  @Test
  void careEndsWhereTheBatchEndsThatTheAgentDiedIn() throws Exception {
    for (int i = 1; i <= 1_200; i++) {
      journal.append(alarm(i, DSN));
    }
    SealedFile sealed = journal.directory.seal().orElseThrow();
    outbox.begin(sealed.name());
    outbox.begin(sealed.name());

    pump.pass();

    assertThat(woken).as("transactions").hasValueLessThanOrEqualTo(500 + 2);
    assertThat(outbox.begin(sealed.name()).position()).isEqualTo(sealed.bytes());
  }

  @Test
  void aRecordOfANewerVersionStaysWithAllThatFollowsIt() throws Exception {
    journal.append(alarm(1, DSN));
    journal.appendBytes(journal.bytes(alarm(2, DSN), 9));
    journal.append(alarm(3, DSN));

    assertThatThrownBy(pump::pass)
        .isInstanceOf(NewerJournalException.class)
        .hasMessageContaining("version 9");

    assertThat(entries(State.READY)).extracting(Entry::id).containsExactly(id(1));
    assertThat(journal.directory.sealed()).hasSize(1);
  }
}

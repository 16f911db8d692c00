package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Settlement;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Route;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** When a lane starts what, with a time that the test turns. */
class LaneTest {
  private static final RetryPolicy PACE =
      new RetryPolicy(ofSeconds(1), ofSeconds(60), ofMillis(100), 4);
  private static final Outcome TAKEN = new Outcome.Delivered(200, "200", Map.of());
  private static final Outcome DOWN = new Outcome.Unreachable("no answer");
  private static final Outcome ILL = new Outcome.Failing(503, "503", null, Map.of());
  private static final Outcome DENIED = new Outcome.Denied(403, "403: no", Map.of());
  private static final Outcome NO = new Outcome.Refused(400, "400", Map.of());

  private long nanos = -5_000_000_000L; // System.nanoTime may be negative
  private Instant now = Instant.parse("2026-11-22T12:00:00Z");
  private final Lane lane = new Lane("key", Map.of(), null, new HashSet<>(), PACE, nanos);
  private int entries;

  @Test
  void eachEventTakenAllowsOneMoreInFlightUpToTheWindow() {
    List<Lane.Ticket> flying = startAll();
    List<Integer> sizes = new ArrayList<>(List.of(flying.size()));
    for (int i = 0; i < 6; i++) {
      finish(flying.remove(0), TAKEN);
      flying.addAll(startAll());
      sizes.add(flying.size());
    }
    assertThat(sizes).containsExactly(1, 2, 3, 4, 4, 4, 4);
  }

  @Test
  void untilOneIsTakenRequestsKeepTheirDistance() {
    finish(startAll().get(0), NO);
    assertThat(startAll()).isEmpty();
    pass(ofMillis(99));
    assertThat(startAll()).isEmpty();
    pass(ofMillis(1));
    assertThat(startAll()).hasSize(1);
  }

  @Test
  void aRefusalDoesNotSlowALaneThatWorks() {
    finish(startAll().get(0), TAKEN);
    finish(startAll().get(0), NO);
    assertThat(startAll()).hasSize(1);
  }

  @Test
  void theFailureOfAllThatIsInFlightIsOneFailure() {
    List<Lane.Ticket> flying = new ArrayList<>(startAll());
    for (int i = 0; i < 4; i++) {
      finish(flying.remove(0), TAKEN);
      flying.addAll(startAll());
    }
    assertThat(flying).hasSize(4);
    flying.forEach(ticket -> finish(ticket, DOWN));

    pass(ofSeconds(1));
    assertThat(startAll()).as("after one failure the wait is a second at most").hasSize(1);
  }

  @Test
  void waitsGrowWithFailuresUpToTheLongest() {
    for (int i = 0; i < 30; i++) {
      List<Lane.Ticket> probe = startAll();
      assertThat(probe).as("probe %d", i).hasSize(1);
      finish(probe.get(0), DOWN);
      assertThat(startAll()).isEmpty();
      Duration most = ofSeconds(Math.min(60, 1L << Math.min(i, 10)));
      assertThat(Duration.ofNanos(lane.idleFor(nanos, now))).isBetween(PACE.spacing(), most);
      pass(most);
    }
  }

  @Test
  void whatWasSentBeforeAFailureProvesNothingAfterIt() {
    finish(startAll().get(0), TAKEN);
    List<Lane.Ticket> two = startAll();
    finish(two.get(0), ILL);
    finish(two.get(1), TAKEN);

    assertThat(startAll()).isEmpty();
    pass(ofSeconds(1));
    assertThat(startAll()).hasSize(1);
    assertThat(lane.proven()).isFalse();
  }

  @Test
  void anEntryThatFailedWaitsLongerThanItsLane() {
    Lane.Ticket failing = startAll().get(0);
    Settlement settlement = finish(failing, ILL).settlement();

    Duration laneWaits = Duration.ofNanos(lane.idleFor(nanos, now));
    assertThat(settlement)
        .isInstanceOfSatisfying(
            Settlement.Retry.class,
            retry -> assertThat(retry.notBefore()).isAfter(now.plus(laneWaits)));
  }

  @Test
  void aLimitedEntryIsNotSettledAndTheLaneIsHeldForItsTime() {
    Lane.Verdict verdict =
        finish(startAll().get(0), new Outcome.Limited("429", Map.of("error", ofSeconds(30))));

    assertThat(verdict.settlement()).isNull();
    assertThat(verdict.holds()).isEqualTo(Map.of("error", now.plusSeconds(30)));
    assertThat(lane.taken()).as("it may be fetched again").isEmpty();
    pass(ofSeconds(29));
    assertThat(startAll()).isEmpty();
    pass(ofSeconds(1));
    assertThat(startAll()).hasSize(1);
  }

  @Test
  void aShorterLimitDoesNotEndALongerOne() {
    Lane held =
        new Lane("key", Map.of("", now.plusSeconds(100)), null, new HashSet<>(), PACE, nanos);
    held.fetched(List.of(entry()), 1, Prefetch.FETCHED_BYTES);
    assertThat(held.start(nanos, now)).isNull();
    assertThat(held.start(nanos, now.plusSeconds(100))).isNotNull();
  }

  @Test
  void anEntryIsNotFetchedAgainBeforeItIsSettled() {
    Lane.Ticket ticket = startAll().get(0);
    assertThat(lane.taken()).contains(ticket.outgoing().id());
    finish(ticket, TAKEN);
    assertThat(lane.taken()).contains(ticket.outgoing().id());
    lane.settled(ticket.outgoing().id());
    assertThat(lane.taken()).doesNotContain(ticket.outgoing().id());
  }

  @Test
  void fewerEntriesThanWereAskedForAreNotTheLastOnesIfTheirBytesWereTheReason() {
    finish(startAll().get(0), TAKEN);
    lane.look();
    lane.fetched(List.of(entry(500)), lane.wanted(nanos, now), 500);
    assertThat(lane.wanted(nanos, now)).isPositive();
    lane.fetched(List.of(entry(10)), lane.wanted(nanos, now), 500);
    assertThat(lane.wanted(nanos, now)).isZero();
  }

  @Test
  void failuresOfAnotherKindAreNoDenials() {
    assertThat(deniedBetweenOthersThatAreTaken(entry(10, 9, 0)))
        .isInstanceOf(Settlement.Denied.class);
  }

  @Test
  void whatIsDeniedTheFourthTimeWhileOthersAreAcceptedIsGivenUp() {
    assertThat(deniedBetweenOthersThatAreTaken(entry(10, 3, 3)))
        .isInstanceOf(Settlement.Dead.class);
  }

  private Settlement deniedBetweenOthersThatAreTaken(Entry entry) {
    finish(startOne(), TAKEN);
    lane.fetched(List.of(entry), 1, Prefetch.FETCHED_BYTES);
    Lane.Ticket ticket = Objects.requireNonNull(lane.start(nanos, now));
    assertThat(finish(ticket, DENIED).settlement()).isInstanceOf(Settlement.Retry.class);
    pass(PACE.spacing());
    List<Settlement> certain = finish(startOne(), TAKEN).certain();
    assertThat(certain).extracting(Settlement::id).containsExactly(entry.id());
    return certain.get(0);
  }

  @Test
  void aServerInDoubtIsAskedForAnotherPartOfTheQueueWithEachTry() {
    List<Double> parts = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      parts.add(lane.whereToTry());
      finish(startAll().get(0), DENIED);
      pass(PACE.spacing());
    }
    assertThat(parts).containsExactly(0.0, 1.0, 0.5, 0.25, 0.75, 0.125, 0.625, 0.375);
  }

  @Test
  void whileNobodyIsLetInAFewTryTheDoorAndNothingIsCertainOfAnyOfThem() {
    finish(startOne(), TAKEN);
    for (int i = 0; i < CircuitBreaker.FEW; i++) {
      assertThat(lane.openCircuit()).as("the server has taken some before").isNull();
      finish(startOne(), DENIED);
      pass(PACE.spacing());
    }
    assertThat(lane.openCircuit()).isNotNull();
    assertThat(startAll()).isEmpty();

    pass(ofSeconds(30));
    assertThat(finish(startOne(), TAKEN).certain()).isEmpty();
    assertThat(lane.openCircuit()).isNull();
  }

  @Test
  void aServerThatHasTakenNothingYetIsKnownToLetNobodyInFromItsFirstAnswer() {
    Lane.Verdict verdict = finish(startAll().get(0), DENIED);
    assertThat(verdict.circuitChanged()).isTrue();
    assertThat(lane.openCircuit()).isNotNull();
  }

  @Test
  void whereThereIsNothingElseToTryTheDoorCountsAsClosedBeforeLong() {
    finish(startOne(), TAKEN);
    finish(startOne(), DENIED);
    pass(ofSeconds(30));
    finish(startOne(), DENIED);
    assertThat(lane.openCircuit()).isNotNull();
  }

  @Test
  void aServerThatIsSeenToTakeSomeAndNotOthersIsGivenMoreToChooseFrom() {
    finish(startOne(), DENIED);
    pass(PACE.spacing());
    finish(startOne(), TAKEN);
    for (int i = 0; i < CircuitBreaker.MANY; i++) {
      assertThat(lane.openCircuit()).isNull();
      finish(startOne(), DENIED);
      pass(PACE.spacing());
    }
    assertThat(lane.openCircuit()).isNotNull();
    assertThat(startAll()).isEmpty();
  }

  @Test
  void aServerThatTakesNoReportsDoesNotOpenTheCircuit() {
    finish(startAll().get(0), TAKEN);
    Lane.Verdict verdict = finish(lane.report(report(), nanos), DENIED);

    assertThat(verdict.circuitChanged()).isFalse();
    assertThat(verdict.settlement()).isNull();
    assertThat(lane.openCircuit()).isNull();
    assertThat(startAll()).isNotEmpty();
  }

  @Test
  void aServerThatTakesReportsOnlyIsTriedWithEvents() {
    finish(startAll().get(0), DENIED);
    pass(ofSeconds(60));

    assertThat(lane.mayReport(nanos, now)).isFalse();
    assertThat(startAll()).hasSize(1);
  }

  @Test
  void aReportThatIsTakenOpensNoDoor() {
    finish(startAll().get(0), DENIED);
    pass(ofSeconds(60));
    Lane.Verdict verdict = finish(lane.report(report(), nanos), TAKEN);

    assertThat(verdict.circuitChanged()).isFalse();
    assertThat(verdict.certain()).isEmpty();
    assertThat(lane.openCircuit()).isNotNull();
    assertThat(lane.proven()).isFalse();
  }

  private static Outgoing.OfReport report() {
    return new Outgoing.OfReport(Rig.to("http://key@localhost/1"), List.of(), new byte[0]);
  }

  private List<Lane.Ticket> startAll() {
    List<Lane.Ticket> started = new ArrayList<>();
    while (true) {
      Lane.Ticket ticket = startNext();
      if (ticket == null) {
        return started;
      }
      started.add(ticket);
    }
  }

  private Lane.Ticket startOne() {
    return Objects.requireNonNull(startNext());
  }

  private Lane.@Nullable Ticket startNext() {
    int wanted = lane.wanted(nanos, now);
    if (wanted > 0) {
      List<Entry> fetched = new ArrayList<>();
      for (int i = 0; i < wanted; i++) {
        fetched.add(entry());
      }
      lane.fetched(fetched, wanted, Prefetch.FETCHED_BYTES);
    }
    return lane.start(nanos, now);
  }

  private Lane.Verdict finish(Lane.Ticket ticket, Outcome outcome) {
    return lane.done(ticket, outcome, nanos, now);
  }

  private void pass(Duration time) {
    nanos += time.toNanos();
    now = now.plus(time);
  }

  private Entry entry() {
    return entry(100);
  }

  private Entry entry(int bytes) {
    return entry(bytes, 0, 0);
  }

  private Entry entry(int bytes, int attempts, int denials) {
    return new Entry(
        Rig.id(++entries),
        State.READY,
        "key",
        null,
        true,
        Route.USUAL,
        ofSeconds(5),
        false,
        "error",
        "error",
        "title",
        "instance",
        "handler",
        now,
        1,
        attempts,
        denials,
        null,
        null,
        null,
        new byte[bytes]);
  }
}

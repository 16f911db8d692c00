package io.uwsgisentry.storm;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.storm.StormWindow.Varied;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class StormGuardTest {
  private static final long SECOND = 1_000_000;
  private static final long NOON = 1_800_000_000 * SECOND;

  /** Windows in memory, and those that ended. */
  private static final class Kept implements StormGuard.Windows<String> {
    final Map<String, StormWindow> open = new HashMap<>();
    final List<StormWindow> ended = new ArrayList<>();

    @Override
    public @Nullable StormWindow stored(String fault) {
      return open.get(fault);
    }

    @Override
    public void ended(String fault, StormWindow window) {
      ended.add(window);
    }
  }

  private final Kept kept = new Kept();
  private final StormGuard<String> guard = new StormGuard<>(kept);

  private boolean passes(String fault, long micros) throws Exception {
    return guard.passes(fault, micros, 5, Map::of);
  }

  @Test
  void theFirstFewPassAndTheRestAreCounted() throws Exception {
    for (int i = 0; i < 5; i++) {
      assertThat(passes("a", NOON + i)).isTrue();
    }
    for (int i = 5; i < 100; i++) {
      assertThat(passes("a", NOON + i)).isFalse();
    }
    assertThat(passes("b", NOON)).as("another fault").isTrue();

    StormWindow window = guard.touched().get("a");
    assertThat(window.passed()).isEqualTo(5);
    assertThat(window.counted()).isEqualTo(95);
    assertThat(window.first()).isEqualTo(NOON + 5);
    assertThat(window.last()).isEqualTo(NOON + 99);
    assertThat(kept.ended).isEmpty();
  }

  @Test
  void aWindowIsSixtySecondsFromItsFirstRecordNotFromItsLast() throws Exception {
    passes("a", NOON);
    passes("a", NOON + 59 * SECOND);
    passes("a", NOON + 60 * SECOND - 1);
    assertThat(kept.ended).isEmpty();

    passes("a", NOON + 60 * SECOND);

    assertThat(kept.ended).singleElement().extracting(StormWindow::passed).isEqualTo(3L);
    assertThat(guard.touched().get("a").opened()).isEqualTo(NOON + 60 * SECOND);
    assertThat(guard.touched().get("a").passed()).isEqualTo(1);
  }

  @Test
  void aRecordFromBeforeTheWindowCountsAsOneOfIt() throws Exception {
    for (int i = 0; i < 5; i++) {
      passes("a", NOON);
    }
    assertThat(passes("a", NOON - 10)).isFalse();
    assertThat(passes("a", NOON - 7200 * SECOND)).as("the clock went back").isFalse();

    assertThat(kept.ended).isEmpty();
    assertThat(guard.touched().get("a").first()).isEqualTo(NOON - 7200 * SECOND);
    assertThat(guard.touched().get("a").last()).isEqualTo(NOON - 10);
  }

  @Test
  void byTheClockAWindowIsOverAMomentAfterItsEnd() {
    StormWindow window = new StormWindow(NOON);
    Instant opened = Instant.ofEpochSecond(NOON / SECOND);
    assertThat(window.isOver(opened.plusSeconds(60))).isFalse();
    assertThat(window.isOver(opened.plusSeconds(62))).isTrue();
    assertThat(window.isOver(opened.plus(Duration.ofDays(1)))).as("jump forward").isTrue();
    assertThat(window.isOver(opened.minusSeconds(30))).as("a small step back").isFalse();
    assertThat(window.isOver(opened.minus(Duration.ofDays(1)))).as("jump back").isTrue();
  }

  @Test
  void whatIsToBeFoldedInAnyCaseOpensAWindowToo() throws Exception {
    guard.count("a", NOON, 4000, Map.of(Varied.HOST, "web1"));
    guard.count("a", NOON + 2, 1, Map.of(Varied.HOST, "web2"));
    assertThat(passes("a", NOON + 1)).isTrue();
    StormWindow window = guard.touched().get("a");
    assertThat(window.counted()).isEqualTo(4001);
    assertThat(window.first()).isEqualTo(NOON);
    assertThat(window.last()).isEqualTo(NOON + 2);
    assertThat(window.varied().get(Varied.HOST).top(5))
        .containsExactly(Map.entry("web1", 4000L), Map.entry("web2", 1L));
  }

  @Test
  void ofDeathsAndSlowRequestsOnePassesAndWithoutFoldingAll() {
    assertThat(StormGuard.passes(Kind.EXCEPTION, 5)).isEqualTo(5);
    assertThat(StormGuard.passes(Kind.DEATH, 5)).isEqualTo(1);
    assertThat(StormGuard.passes(Kind.SLOW, 5)).isEqualTo(1);
    assertThat(StormGuard.passes(Kind.DEATH, 0)).isEqualTo(Long.MAX_VALUE);
    assertThat(StormGuard.passes(Kind.EXCEPTION, 0)).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void aWindowThatWasToldOfInTheMiddleGoesOnFolding() throws Exception {
    for (int i = 0; i < 10; i++) {
      passes("a", NOON + i);
    }
    StormWindow window = guard.touched().get("a");
    window.reported();

    assertThat(passes("a", NOON + 11)).isFalse();
    assertThat(window.counted()).isEqualTo(1);
    assertThat(window.passed()).isEqualTo(10);
    assertThat(window.first()).isEqualTo(NOON + 11);
  }

  @Test
  void theMostFrequentValuesAreAmongThoseKeptAndNeverSaidTooOften() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    TopValues frequencies = new TopValues();
    Map<String, Long> exact = new HashMap<>();
    for (int i = 0; i < 20_000; i++) {
      String value = random.nextInt(3) == 0 ? "/often" : "/" + random.nextInt(5_000);
      frequencies.add(value);
      exact.merge(value, 1L, Long::sum);
    }
    Map<String, Long> top = frequencies.top(5);
    assertThat(top.keySet().iterator().next()).isEqualTo("/often");
    top.forEach((value, count) -> assertThat(count).isLessThanOrEqualTo(exact.get(value)));
    assertThat(frequencies.values()).hasSize(TopValues.KEPT);
  }

  @Test
  void fewValuesAreCountedExactly() throws Exception {
    for (int i = 0; i < 105; i++) {
      int worker = 1 + i % 2;
      guard.passes("a", NOON + i, 5, () -> Map.of(Varied.WORKER, Integer.toString(worker)));
    }
    assertThat(guard.touched().get("a").varied().get(Varied.WORKER).top(5))
        .containsExactlyInAnyOrderEntriesOf(Map.of("1", 50L, "2", 50L));
  }

  /** One record of the naive oracle, which keeps everything. */
  private record Seen(long micros, boolean passed) {}

  @RepeatedTest(20)
  void theSumIsExactAndNoWindowLetsMoreThroughThanItMayWhateverTheOrder() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    int most = 1 + random.nextInt(6);
    long clock = NOON;
    Map<String, List<List<Seen>>> oracle = new HashMap<>();
    long records = 0;
    long passed = 0;
    for (int batch = 0; batch < 50; batch++) {
      // Each batch knows only what is stored, as after a restart.
      StormGuard<String> one = new StormGuard<>(kept);
      for (int i = random.nextInt(200); i > 0; i--) {
        clock += random.nextInt(3) * SECOND;
        if (random.nextInt(500) == 0) {
          clock += (random.nextInt(4000) - 2000) * SECOND;
        }
        long micros = clock + random.nextInt((int) (4 * SECOND)) - 2 * SECOND;
        String fault = "fault " + random.nextInt(3);
        boolean goes = one.passes(fault, micros, most, Map::of);
        records++;
        passed += goes ? 1 : 0;

        List<List<Seen>> windows = oracle.computeIfAbsent(fault, unknown -> new ArrayList<>());
        if (windows.isEmpty()
            || micros - windows.get(windows.size() - 1).get(0).micros() >= 60 * SECOND) {
          windows.add(new ArrayList<>());
        }
        List<Seen> window = windows.get(windows.size() - 1);
        assertThat(goes).isEqualTo(window.size() < most);
        window.add(new Seen(micros, goes));
      }
      kept.open.putAll(one.touched());
    }
    List<StormWindow> all = new ArrayList<>(kept.ended);
    all.addAll(kept.open.values());
    assertThat(passed + all.stream().mapToLong(StormWindow::counted).sum()).isEqualTo(records);
    assertThat(all).hasSize((int) oracle.values().stream().mapToLong(List::size).sum());
    assertThat(all.stream().map(w -> w.opened() + " " + w.counted()))
        .containsExactlyInAnyOrderElementsOf(
            oracle.values().stream()
                .flatMap(List::stream)
                .map(
                    w ->
                        w.get(0).micros() + " " + w.stream().filter(seen -> !seen.passed()).count())
                .toList());
  }
}

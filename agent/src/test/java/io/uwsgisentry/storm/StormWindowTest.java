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
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class StormWindowTest {
  private static final long SECOND = 1_000_000;
  private static final long NOON = 1_800_000_000 * SECOND;

  private final Map<String, StormWindow> open = new HashMap<>();
  private final List<StormWindow> ended = new ArrayList<>();

  /** The fault's window at that time, as the windows' owner finds it. */
  private StormWindow window(String fault, long micros) {
    StormWindow window = open.get(fault);
    if (window != null && window.endsBefore(micros)) {
      ended.add(open.remove(fault));
    }
    return open.computeIfAbsent(fault, unknown -> new StormWindow(micros));
  }

  private boolean passes(String fault, long micros) {
    return window(fault, micros).admit(micros, 5, Map::of);
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

    StormWindow window = open.get("a");
    assertThat(window.passed()).isEqualTo(5);
    assertThat(window.counted()).isEqualTo(95);
    assertThat(window.first()).isEqualTo(NOON + 5);
    assertThat(window.last()).isEqualTo(NOON + 99);
    assertThat(ended).isEmpty();
  }

  @Test
  void aWindowIsSixtySecondsFromItsFirstRecordNotFromItsLast() throws Exception {
    passes("a", NOON);
    passes("a", NOON + 59 * SECOND);
    passes("a", NOON + 60 * SECOND - 1);
    assertThat(ended).isEmpty();

    passes("a", NOON + 60 * SECOND);

    assertThat(ended).singleElement().extracting(StormWindow::passed).isEqualTo(3L);
    assertThat(open.get("a").opened()).isEqualTo(NOON + 60 * SECOND);
    assertThat(open.get("a").passed()).isEqualTo(1);
  }

  @Test
  void aRecordFromBeforeTheWindowCountsAsOneOfIt() throws Exception {
    for (int i = 0; i < 5; i++) {
      passes("a", NOON);
    }
    assertThat(passes("a", NOON - 10)).isFalse();
    assertThat(passes("a", NOON - 7200 * SECOND)).as("the clock went back").isFalse();

    assertThat(ended).isEmpty();
    assertThat(open.get("a").first()).isEqualTo(NOON - 7200 * SECOND);
    assertThat(open.get("a").last()).isEqualTo(NOON - 10);
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
  void whatIsCountedInAnyCaseOpensAWindowToo() throws Exception {
    window("a", NOON).count(NOON, 4000, Map.of(Varied.HOST, "web1"));
    window("a", NOON + 2).count(NOON + 2, 1, Map.of(Varied.HOST, "web2"));
    assertThat(passes("a", NOON + 1)).isTrue();
    StormWindow window = open.get("a");
    assertThat(window.counted()).isEqualTo(4001);
    assertThat(window.first()).isEqualTo(NOON);
    assertThat(window.last()).isEqualTo(NOON + 2);
    assertThat(window.varied().get(Varied.HOST).top(5))
        .containsExactly(Map.entry("web1", 4000L), Map.entry("web2", 1L));
  }

  @Test
  void ofDeathsAndSlowRequestsOnePassesAndWithoutAnyBoundAll() {
    assertThat(StormWindow.passes(Kind.EXCEPTION, 5)).isEqualTo(5);
    assertThat(StormWindow.passes(Kind.DEATH, 5)).isEqualTo(1);
    assertThat(StormWindow.passes(Kind.SLOW, 5)).isEqualTo(1);
    assertThat(StormWindow.passes(Kind.DEATH, 0)).isEqualTo(Long.MAX_VALUE);
    assertThat(StormWindow.passes(Kind.EXCEPTION, 0)).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void aWindowThatWasReportedInTheMiddleGoesOnCounting() throws Exception {
    for (int i = 0; i < 10; i++) {
      passes("a", NOON + i);
    }
    StormWindow window = open.get("a");
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
      window("a", NOON + i)
          .admit(NOON + i, 5, () -> Map.of(Varied.WORKER, Integer.toString(worker)));
    }
    assertThat(open.get("a").varied().get(Varied.WORKER).top(5))
        .containsExactlyInAnyOrderEntriesOf(Map.of("1", 50L, "2", 50L));
  }

  /** One record of the naive oracle, which keeps everything. */
  private record Seen(long micros, boolean passed) {}

  private static StormWindow stored(StormWindow window) {
    StormWindow stored =
        new StormWindow(
            window.opened(), window.passed(), window.counted(), window.first(), window.last());
    stored.varied().putAll(window.varied());
    return stored;
  }

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
      open.replaceAll((fault, window) -> stored(window));
      for (int i = random.nextInt(200); i > 0; i--) {
        clock += random.nextInt(3) * SECOND;
        if (random.nextInt(500) == 0) {
          clock += (random.nextInt(4000) - 2000) * SECOND;
        }
        long micros = clock + random.nextInt((int) (4 * SECOND)) - 2 * SECOND;
        String fault = "fault " + random.nextInt(3);
        boolean goes = window(fault, micros).admit(micros, most, Map::of);
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
    }
    List<StormWindow> all = new ArrayList<>(ended);
    all.addAll(open.values());
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

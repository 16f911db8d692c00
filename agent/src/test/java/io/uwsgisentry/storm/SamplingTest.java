package io.uwsgisentry.storm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplingTest {
  private static String id(Random random) {
    return new UUID(random.nextLong(), random.nextLong()).toString().replace("-", "");
  }

  @Test
  void aRateKeepsItsPart() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    long kept = IntStream.range(0, 20_000).filter(i -> Sampling.keeps(id(random), 0.25)).count();
    assertThat(kept).isBetween(4_700L, 5_300L);
  }

  @Test
  void theSameIdHasTheSameAnswer() {
    assertThat(Sampling.keeps("7fffffffffff4fffbfffffffffffffff", 0.5)).isTrue();
    assertThat(Sampling.keeps("80000000000040008000000000000000", 0.5)).isFalse();
  }

  @Test
  void noneAndAllMeanWhatTheySay() {
    assertThat(Sampling.keeps("0".repeat(32), 0)).isFalse();
    assertThat(Sampling.keeps("f".repeat(32), 1)).isTrue();
  }
}

package io.uwsgisentry.intake;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BatchSizeTest {
  private final BatchSize size = new BatchSize();

  @Test
  void itGrowsWhileBatchesAreQuickUpToABound() {
    int first = size.events();
    took(20);
    assertThat(size.events()).isEqualTo(2 * first);
    for (int i = 0; i < 20; i++) {
      took(20);
    }
    assertThat(size.events()).isEqualTo(BatchSize.MOST);
  }

  @Test
  void itShrinksWhileBatchesAreSlowDownToABound() {
    int first = size.events();
    took(5_000);
    assertThat(size.events()).isEqualTo(first / 2);
    for (int i = 0; i < 20; i++) {
      took(5_000);
    }
    assertThat(size.events()).isEqualTo(BatchSize.LEAST);
  }

  @Test
  void itStaysWhereABatchTakesWhatItMay() {
    int first = size.events();
    took(300);
    assertThat(size.events()).isEqualTo(first);
  }

  private void took(long millis) {
    size.took(TimeUnit.MILLISECONDS.toNanos(millis));
  }
}

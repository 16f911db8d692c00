package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

class GzipTest {
  private final Gzip gzip = new Gzip();

  @Test
  void anythingIsReadBackAsItWas() throws IOException {
    Random random = new Random(1);
    for (int size : new int[] {0, 1, 100, 1100, 70_000, 1 << 20}) {
      byte[] noise = new byte[size];
      random.nextBytes(noise);
      assertThat(unzip(gzip.compress(noise))).isEqualTo(noise);
      byte[] zeros = new byte[size];
      assertThat(unzip(gzip.compress(zeros))).isEqualTo(zeros);
    }
  }

  @Test
  void manyThreadsDoNotDisturbEachOther() {
    IntStream.range(0, 2000)
        .parallel()
        .forEach(
            i -> {
              byte[] bytes = ("event " + i + " ").repeat(50).getBytes();
              try {
                assertThat(unzip(gzip.compress(bytes))).isEqualTo(bytes);
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
  }

  private static byte[] unzip(byte[] bytes) throws IOException {
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
      return in.readAllBytes();
    }
  }
}

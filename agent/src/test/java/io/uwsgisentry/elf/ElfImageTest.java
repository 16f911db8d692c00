package io.uwsgisentry.elf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ElfImageTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "906550b051975477ebaf088ddc2c5b34f3178dce, b0506590-9751-7754-ebaf-088ddc2c5b34",
    "00112233445566778899aabbccddeeff, 33221100-5544-7766-8899-aabbccddeeff",
    "deadbeef, efbeadde-0000-0000-0000-000000000000"
  })
  void aBuildIdBecomesSentrysDebugId(String buildId, String debugId) throws IOException {
    try (ElfImage image = open(new ElfFixture().buildId(buildId).bytes())) {
      assertThat(image.codeId()).isEqualTo(buildId);
      assertThat(image.debugId()).isEqualTo(debugId);
      assertThat(image.arch()).isEqualTo("x86_64");
    }
  }

  @Test
  void withoutABuildIdTheCodeIsTheId() throws IOException {
    byte[] folded = new byte[16];
    for (int i = 0; i < 4096; i++) {
      folded[i % 16] ^= (byte) (i * 7 + i / 16);
    }
    ByteBuffer bytes = ByteBuffer.wrap(folded).order(ByteOrder.LITTLE_ENDIAN);
    try (ElfImage image = open(new ElfFixture().bytes())) {
      assertThat(image.codeId()).isNull();
      assertThat(image.debugFile()).isNull();
      assertThat(image.debugId()).startsWith(String.format("%08x-", bytes.getInt(0)));
    }
  }

  @Test
  void itsSizeIsThatInMemory() throws IOException {
    try (ElfImage image = open(new ElfFixture().at(0, 0x1a2345).bytes())) {
      assertThat(image.origin()).isZero();
      assertThat(image.memorySize()).isEqualTo(0x1a3000);
    }
    try (ElfImage image = open(new ElfFixture().at(0x400000, 0x2000).bytes())) {
      assertThat(image.origin()).isEqualTo(0x400000);
      assertThat(image.memorySize()).isEqualTo(0x2000);
    }
  }

  @Test
  void anAddressIsInAFunctionOrInNone() throws IOException {
    byte[] elf =
        new ElfFixture().function("first", 0x1000, 0x40).function("second", 0x1080, 0x10).bytes();
    try (ElfImage image = open(elf)) {
      assertThat(image.symbols().at(List.of(0xfffL, 0x1000L, 0x103fL, 0x1040L, 0x1080L, 0x1090L)))
          .containsOnlyKeys(0x1000L, 0x103fL, 0x1080L)
          .containsEntry(0x103fL, new ElfSymbols.Symbol("first", 0x1000))
          .containsEntry(0x1080L, new ElfSymbols.Symbol("second", 0x1080));
      assertThat(image.symbols().named(Set.of("second", "third")))
          .containsOnlyKeys("second")
          .containsEntry("second", 0x1080L);
    }
  }

  @Test
  void aRealLibraryIsRead() throws IOException {
    Path library = Path.of(System.getProperty("java.home"), "lib", "server", "libjvm.so");
    try (ElfImage image = ElfImage.open(library)) {
      Long create = image.symbols().named(Set.of("JNI_CreateJavaVM")).get("JNI_CreateJavaVM");
      assertThat(create).isNotNull();
      assertThat(image.symbols().at(List.of(create + 1)).get(create + 1).name())
          .isEqualTo("JNI_CreateJavaVM");
      assertThat(image.debugId()).matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
      assertThat(image.memorySize()).isGreaterThan(create);
    }
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    byte[] elf = new ElfFixture().buildId("deadbeef").bytes();
    byte[] narrow = elf.clone();
    narrow[4] = 1;
    byte[] big = elf.clone();
    big[5] = 2;
    for (byte[] bytes : List.of(new byte[0], new byte[63], new byte[4096], narrow, big)) {
      assertThatThrownBy(() -> open(bytes)).isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> ElfImage.open(directory)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> ElfImage.open(directory.resolve("none")))
        .isInstanceOf(IOException.class);
  }

  @Test
  void aFileThatEndsAnywhereIsReadOrRefused() throws IOException {
    byte[] elf = sample();
    for (int end = 0; end < elf.length; end += 13) {
      use(Arrays.copyOf(elf, end));
    }
  }

  @Test
  void noDamageDoesMoreThanThat() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    byte[] elf = sample();
    int[] numbers = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 0x10000, elf.length};
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (int i = 0; i < 3000; i++) {
            byte[] damaged = elf.clone();
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
              // Where the numbers are: the head, the segments, the note, the sections.
              int table =
                  random.nextBoolean() ? random.nextInt(250) : elf.length - 1 - random.nextInt(320);
              int at = Math.min(table & -4, elf.length - 4);
              ByteBuffer.wrap(damaged)
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .putInt(
                      at,
                      random.nextBoolean()
                          ? numbers[random.nextInt(numbers.length)]
                          : random.nextInt());
            }
            try {
              use(damaged);
            } catch (RuntimeException | OutOfMemoryError e) {
              throw new AssertionError("seed " + seed + ", turn " + i, e);
            }
          }
        });
  }

  private static byte[] sample() {
    return new ElfFixture()
        .buildId("906550b051975477ebaf088ddc2c5b34f3178dce")
        .function("first", 0x1000, 0x40)
        .function("second", 0x1080, 0x10)
        .bytes();
  }

  /** Everything that a crash asks of an image. */
  private void use(byte[] bytes) {
    try (ElfImage image = open(bytes)) {
      image.symbols().at(List.of(0L, 0x1000L, -1L, Long.MAX_VALUE, Long.MIN_VALUE));
      image.symbols().named(Set.of("first", ""));
      image.debugId();
      image.debugFile();
      image.memorySize();
      image.arch();
    } catch (IOException e) {
      assertThat(e).hasMessageNotContaining("null");
    }
  }

  private ElfImage open(byte[] bytes) throws IOException {
    Path file = directory.resolve("image");
    Files.write(file, bytes);
    return ElfImage.open(file);
  }
}

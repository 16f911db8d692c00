package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The share of a busy processor that the agent's session asks for. */
class ProcessorShareTest {
  private static final long LATE = TimeUnit.MILLISECONDS.toNanos(1_500);

  @TempDir Path temporary;
  private Path file = Path.of("");
  private final long began = System.nanoTime();

  @BeforeEach
  void file() throws IOException {
    file = Files.createFile(temporary.resolve("autogroup"));
  }

  @Test
  void itStartsWithTheFullShareAndThenTakesLittle() throws IOException {
    ProcessorShare share = new ProcessorShare(file);
    share.woke(after(10), 0);
    assertThat(file).isEmptyFile();
    share.woke(after(20), 0);
    assertThat(file).hasContent(ProcessorShare.SMALL);
  }

  @Test
  void wokenLateItTakesTheFullShareUntilItHasBeenCalm() throws IOException {
    ProcessorShare share = new ProcessorShare(file);
    share.woke(after(20), 0);
    share.woke(after(21), LATE);
    assertThat(file).content().startsWith(ProcessorShare.FULL);
    Files.writeString(file, "");
    share.woke(after(30), 0);
    assertThat(file).isEmptyFile();
    share.woke(after(40), 0);
    assertThat(file).hasContent(ProcessorShare.SMALL);
  }

  @Test
  void aKernelWithoutSuchGroupsIsNotAsked() {
    Path none = temporary.resolve("none");
    ProcessorShare share = new ProcessorShare(none);
    share.woke(after(20), 0);
    share.woke(after(21), LATE);
    assertThat(none).doesNotExist();
  }

  private long after(int seconds) {
    return began + TimeUnit.SECONDS.toNanos(seconds);
  }
}

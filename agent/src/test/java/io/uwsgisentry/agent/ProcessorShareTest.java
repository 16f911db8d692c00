package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
  private static final String LEAST = ProcessorShare.STEPS.get(0);

  @TempDir Path temporary;
  private Path file = Path.of("");
  private final long began = System.nanoTime();
  private long used;

  @BeforeEach
  void file() throws IOException {
    file = Files.createFile(temporary.resolve("autogroup"));
  }

  @Test
  void itStartsWithTheFullShareAndThenTakesTheLeast() {
    ProcessorShare share = share(file);
    share.woke(after(10), 0);
    assertThat(file).isEmptyFile();
    share.woke(after(20), 0);
    assertThat(file).hasContent(LEAST);
  }

  @Test
  void itsStartIsOverOnceItHasUsedWhatAStartTakes() {
    ProcessorShare share = share(file);
    used = TimeUnit.SECONDS.toNanos(1);
    share.woke(after(1), 0);
    assertThat(file).isEmptyFile();
    used = TimeUnit.SECONDS.toNanos(3);
    share.woke(after(2), 0);
    assertThat(file).hasContent(LEAST);
  }

  @Test
  void itsStartIsOverAlsoWhereItWorksWithoutAPause() {
    ProcessorShare share = share(file);
    share.works(after(1));
    assertThat(file).isEmptyFile();
    used = TimeUnit.SECONDS.toNanos(3);
    share.works(after(2));
    assertThat(file).hasContent(LEAST);
  }

  @Test
  void onAMachineThatIsSaturatedFromTheBeginningItTakesTheLeastAllTheSame() {
    ProcessorShare share = share(file);
    for (int second = 1; second <= 16; second++) {
      share.woke(after(second), LATE);
    }
    assertThat(file).hasContent(LEAST);
  }

  @Test
  void eachTimeThatItIsWokenLateItTakesAStepMoreAndOneLessWhenItHasBeenCalm() {
    ProcessorShare share = share(file);
    share.woke(after(20), 0);
    share.woke(after(21), LATE);
    assertThat(file).hasContent("15");
    share.woke(after(23), LATE);
    assertThat(file).hasContent("10");
    share.woke(after(30), 0);
    assertThat(file).hasContent("10");
    share.woke(after(40), 0);
    assertThat(file).hasContent("15");
    share.woke(after(50), 0);
    assertThat(file).hasContent("15");
    share.woke(after(60), 0);
    assertThat(file).hasContent(LEAST);
  }

  @Test
  void theFullShareIsTheMostThatItTakes() {
    ProcessorShare share = share(file);
    for (int second = 20; second < 40; second++) {
      share.woke(after(second), LATE);
    }
    assertThat(file).content().startsWith("0");
  }

  @Test
  void atItsEndItHasTheFullShareAgain() {
    ProcessorShare share = share(file);
    share.woke(after(20), 0);
    share.ends();
    assertThat(file).content().startsWith("0");
  }

  /** As that of this test, in which Maven is. */
  @Test
  void aSessionThatOthersAreInIsLeftAlone() throws IOException {
    Path ours = Path.of("/proc/self/autogroup");
    assumeTrue(Files.exists(ours), "needs a kernel that groups sessions");
    String before = Files.readString(ours);
    ProcessorShare share = ProcessorShare.ofThisProcess();
    share.woke(after(20), 0);
    share.woke(after(21), LATE);
    assertThat(ours).hasContent(before);
  }

  @Test
  void aSessionIsItsOwnWhereItLeadsItOrTheServersScriptDoes() {
    String leader = "41 (java) S 1 41 41 0 -1 4194560";
    String child = "41 (ja) va) S 40 40 40 0 -1 4194560";
    assertThat(ProcessorShare.isOwn(leader, "/sbin/init\0")).isTrue();
    assertThat(ProcessorShare.isOwn(child, "-bash\0")).isFalse();
    assertThat(ProcessorShare.isOwn(child, "sh\0-c\0sh -s attached\0")).isFalse();
    assertThat(ProcessorShare.isOwn(child, "sh\0-s\0attached\0/jar\0/state\0")).isTrue();
  }

  @Test
  void aKernelWithoutSuchGroupsIsNotAsked() {
    Path none = temporary.resolve("none");
    ProcessorShare share = share(none);
    share.woke(after(20), 0);
    share.woke(after(21), LATE);
    assertThat(none).doesNotExist();
  }

  private ProcessorShare share(Path of) {
    return new ProcessorShare(of, true, () -> used);
  }

  private long after(int seconds) {
    return began + TimeUnit.SECONDS.toNanos(seconds);
  }
}

package io.uwsgisentry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.delivery.ResponsesFuzz;
import io.uwsgisentry.event.EventFuzz;
import io.uwsgisentry.event.TextsFuzz;
import io.uwsgisentry.journal.RecordReaderFuzz;
import io.uwsgisentry.settings.OptionsFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything that reads what others wrote, under Jazzer: a few seconds each, or {@code
 * -Dfuzz.seconds}. The corpora are in {@code testdata/fuzz}; what is found beyond them goes to
 * {@code build/fuzz}, and a failing input, to be added to the corpus when it is mended, too.
 */
@Timeout(value = 24, unit = TimeUnit.HOURS)
class FuzzTest {
  private static final Path TOP = Path.of("").toAbsolutePath().getParent();

  private interface Input {
    void run(byte[] data) throws Exception;
  }

  enum Target {
    RECORDS(RecordReaderFuzz.class, RecordReaderFuzz::fuzzerTestOneInput),
    EVENTS(EventFuzz.class, EventFuzz::fuzzerTestOneInput),
    OPTIONS(OptionsFuzz.class, OptionsFuzz::fuzzerTestOneInput),
    TEXTS(TextsFuzz.class, TextsFuzz::fuzzerTestOneInput),
    ANSWERS(ResponsesFuzz.class, ResponsesFuzz::fuzzerTestOneInput);

    private final Class<?> program;
    private final Input input;

    Target(Class<?> program, Input input) {
      this.program = program;
      this.input = input;
    }

    Path corpus() {
      return TOP.resolve("testdata/fuzz").resolve(program.getSimpleName());
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyInputOfTheCorpusIsTaken(Target target) throws Exception {
    try (Stream<Path> files = Files.list(target.corpus())) {
      List<Path> inputs = files.sorted().toList();
      assertThat(inputs).isNotEmpty();
      for (Path file : inputs) {
        try {
          target.input.run(Files.readAllBytes(file));
        } catch (Exception e) {
          throw new AssertionError("input " + file, e);
        }
      }
    }
  }

  @Tag("process")
  @ParameterizedTest
  @EnumSource
  void noInputThatIsFoundInThisTimeFails(Target target) throws Exception {
    int seconds = Integer.getInteger("fuzz.seconds", 5);
    assumeTrue(seconds > 0, "no time to fuzz");
    Path found =
        Files.createDirectories(
            TOP.resolve("build/fuzz").resolve(target.program.getSimpleName()).resolve("corpus"));
    Path log = found.resolveSibling("log");
    Process jazzer =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-cp",
                System.getProperty("java.class.path"),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + target.program.getName(),
                "--instrumentation_includes=io.uwsgisentry.**",
                "--custom_hook_includes=io.uwsgisentry.**",
                "-max_total_time=" + seconds,
                "-timeout=120",
                "-rss_limit_mb=0",
                "-artifact_prefix=" + found.getParent() + "/",
                found.toString(),
                target.corpus().toString())
            .directory(found.getParent().toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    int code;
    try {
      code = jazzer.waitFor();
    } finally {
      jazzer.destroyForcibly();
    }
    String said = read(log);
    assertThat(code).as("%s: %s", target, said).isZero();
    assertThat(said).containsPattern("Done [0-9]+ runs");
    System.out.println(target + ": " + said.lines().filter(l -> l.startsWith("Done")).toList());
  }

  private static String read(Path log) throws IOException {
    String text = new String(Files.readAllBytes(log), java.nio.charset.StandardCharsets.ISO_8859_1);
    return text.substring(Math.max(0, text.length() - 6_000));
  }
}

package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command line does where its output goes nowhere or its input never comes. */
@Tag("process")
class OutputTest {
  @TempDir Path temporary;

  private ProcessBuilder command(String... arguments) {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
    words.add("io.uwsgisentry.agent.Main");
    words.addAll(List.of(arguments));
    return new ProcessBuilder(words);
  }

  @Test
  void outputThatCannotBeWrittenIsNoSuccess() throws Exception {
    Process process =
        command("status", "--dir", temporary.toString())
            .redirectOutput(new File("/dev/full"))
            .start();
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isEqualTo(3);
    assertThat(error).startsWith("uwsgi-sentry: the output could not be written: ");
  }

  @Test
  void aReaderThatHasEnoughIsNoFailure() throws Exception {
    Process process = command("status", "--dir", temporary.toString()).start();
    process.getInputStream().close();
    String error = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    assertThat(error).isEmpty();
  }

  @Test
  void aFifoIsNoConfiguration() throws Exception {
    Path fifo = temporary.resolve("x.ini");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    Path including = Files.writeString(temporary.resolve("y.ini"), "[uwsgi]\nini = " + fifo + "\n");
    for (Path file : List.of(fifo, including)) {
      Process process = command("check", "--uwsgi", "none", file.toString()).start();
      try (BufferedReader errors =
          new BufferedReader(
              new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("%s ends", file).isTrue();
        assertThat(process.exitValue()).isIn(2, 3);
        assertThat(errors.readLine()).contains("no plain file");
      } finally {
        process.destroyForcibly();
      }
    }
  }
}

package io.uwsgisentry.agent;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system of some megabytes, of which nothing is left when it is closed. */
final class SmallVolume implements AutoCloseable {
  private final Path place;
  private final Path filler;

  private SmallVolume(Path place) {
    this.place = place;
    this.filler = place.resolve("filler");
  }

  /** Skips the test where none can be mounted. */
  static SmallVolume mount(Path place, int megabytes) throws IOException, InterruptedException {
    Files.createDirectories(place);
    int status =
        new ProcessBuilder(
                "mount", "-t", "tmpfs", "-o", "size=" + megabytes + "m", "none", place.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor();
    assumeTrue(status == 0, "no file system can be mounted here");
    return new SmallVolume(place);
  }

  Path state() {
    return place.resolve("state");
  }

  long free() {
    return place.toFile().getUsableSpace();
  }

  /** Somebody else takes all that is free, to the last byte. */
  void fill() {
    byte[] block = new byte[4096];
    try (OutputStream out = Files.newOutputStream(filler, CREATE, APPEND)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      // That was the last one.
    }
  }

  /** Somebody else takes all but so many bytes. */
  void fillUpTo(long left) throws IOException {
    byte[] block = new byte[4096];
    try (OutputStream out = Files.newOutputStream(filler, CREATE, APPEND)) {
      while (free() > left) {
        out.write(block);
      }
    }
  }

  /** What somebody else took is free again. */
  void empty() throws IOException {
    Files.deleteIfExists(filler);
  }

  @Override
  public void close() throws IOException, InterruptedException {
    var unused = new ProcessBuilder("umount", "-l", place.toString()).start().waitFor();
  }
}

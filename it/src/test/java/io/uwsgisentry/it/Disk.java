package io.uwsgisentry.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A disk without room. */
final class Disk {
  private Disk() {}

  /** Fills the file system to its last byte and returns the file to delete for room again. */
  static Path fill(Path disk) {
    Path filler = disk.resolve("filler");
    byte[] block = new byte[4096];
    try (var out = Files.newOutputStream(filler)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      return filler;
    }
  }
}

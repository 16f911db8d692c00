package io.uwsgisentry.it;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A disk without room. */
final class Disk {
  private Disk() {}

  /**
   * Fills the file system to its last byte, also one that is filled already and got room since, and
   * returns the file to delete for room again.
   */
  static Path fill(Path disk) {
    Path filler = disk.resolve("filler");
    byte[] block = new byte[4096];
    try (var out = Files.newOutputStream(filler, CREATE, APPEND)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      return filler;
    }
  }
}

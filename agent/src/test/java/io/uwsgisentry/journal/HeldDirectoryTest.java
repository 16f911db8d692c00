package io.uwsgisentry.journal;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeldDirectoryTest {
  @TempDir Path directory;

  @Test
  void aDirectoryIsHeldWhileOtherThreadsOpenAndCloseFiles() throws Exception {
    Path other = Files.writeString(directory.resolve("other"), "x");
    AtomicBoolean done = new AtomicBoolean();
    Thread busy =
        new Thread(
            () -> {
              try {
                while (!done.get()) {
                  Files.readAllBytes(other);
                }
              } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    busy.start();
    try {
      Path held = Files.createDirectory(directory.resolve("held"));
      Files.writeString(held.resolve("file"), "here");
      for (int i = 0; i < 2_000; i++) {
        try (HeldDirectory one = HeldDirectory.open(held)) {
          assertThat(one.path().resolve("file")).hasContent("here");
        }
      }
    } finally {
      done.set(true);
      busy.join();
    }
  }
}

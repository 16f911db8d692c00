package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The volume of a state directory, and what the directory holds of it.
 *
 * @param held bytes of all that has a bound ({@link Footprint}), so without {@code runtime/}
 */
public record Disk(Volume volume, long held) {
  // Of what is free.
  private static final int PRODUCT = 4;

  /**
   * That of a state directory, whether it is there or not.
   *
   * @throws IOException if what it holds cannot be looked at
   */
  public static Disk of(Path state) throws IOException {
    Path existing = state.toAbsolutePath();
    while (!Files.exists(existing) && existing.getParent() != null) {
      existing = existing.getParent();
    }
    return new Disk(Volume.of(existing), held(state));
  }

  /**
   * What all parts of the directory may have together. What they hold already counts as free, so
   * that a restart changes nothing.
   *
   * @return bytes, {@link Long#MAX_VALUE} if the volume does not say how large it is
   */
  public long quarter() {
    return volume.whole() == 0 ? Long.MAX_VALUE : (volume.free() + held) / PRODUCT;
  }

  /** Whether that is less than the defaults come to. */
  public boolean isSmall() {
    return quarter() < Footprint.USUAL_TOTAL;
  }

  private static long held(Path state) throws IOException {
    List<Path> files = new ArrayList<>();
    for (String name : List.of("outbox.db", "outbox.db-wal", Reserve.NAME)) {
      files.add(state.resolve(name));
    }
    Path journal = state.resolve("journal");
    if (Files.isDirectory(journal, LinkOption.NOFOLLOW_LINKS)) {
      try (Stream<Path> inside = Files.list(journal)) {
        inside.forEach(files::add);
      }
    }
    long bytes = 0;
    for (Path file : files) {
      try {
        bytes += Files.size(file);
      } catch (IOException e) {
        // Not there, or not any more.
      }
    }
    return bytes;
  }
}

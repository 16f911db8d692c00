package io.uwsgisentry.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A directory that is held by a descriptor, as the C side holds it. What is done by {@link #path}
 * is done in that directory and in no other, also after it was moved, or another took its name:
 * {@code /proc/self/fd/N/live} is what {@code openat(N, "live")} is elsewhere.
 */
public final class HeldDirectory implements AutoCloseable {
  private static final int MOST_TURNS = 100;

  private final Path name;
  private final Path path;
  private final FileId id;
  private final FileChannel channel;

  private HeldDirectory(Path name, Path path, FileId id, FileChannel channel) {
    this.name = name;
    this.path = path;
    this.id = id;
    this.channel = channel;
  }

  /**
   * Holds what stands at that name now. Java does not say which descriptor it opened, so it is
   * looked for among those that were not there before. One that another thread closes meanwhile may
   * be the very number that this one gets: then it is tried again.
   */
  static HeldDirectory open(Path name) throws IOException {
    for (int turn = 0; turn < MOST_TURNS; turn++) {
      Set<Path> before = FileId.descriptors();
      FileChannel channel = FileChannel.open(name, StandardOpenOption.READ);
      boolean done = false;
      try {
        FileId id = FileId.at(name);
        Path descriptor = id == null ? null : id.descriptor(before);
        if (id != null && descriptor != null) {
          done = true;
          return new HeldDirectory(name, descriptor, id, channel);
        }
      } finally {
        if (!done) {
          channel.close();
        }
      }
    }
    // It was replaced between the two looks, each time.
    throw new NoSuchFileException(name.toString());
  }

  /** The name at which it stood. */
  public Path name() {
    return name;
  }

  /** The directory, by the descriptor. */
  Path path() {
    return path;
  }

  /** Whether it still stands where it stood. */
  public boolean stands() throws IOException {
    return id.equals(FileId.at(name));
  }

  /** Where it is now, as the kernel names it; with {@code (deleted)} behind it where it is not. */
  public String whereabouts() throws IOException {
    return Files.readSymbolicLink(path).toString();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}

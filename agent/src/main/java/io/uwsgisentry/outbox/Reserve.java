package io.uwsgisentry.outbox;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A file that holds nothing but room ({@code <dir>/reserve}): given up when the disk is full, so
 * that there is a way out, and taken back when there is room again. Its bytes are random, for file
 * systems that store no others.
 */
public final class Reserve {
  static final String NAME = "reserve";
  // Larger than what a file system compresses at once.
  private static final int BLOCK = 256 << 10;

  private final Path file;
  private final long bytes;

  Reserve(Path state, long bytes) {
    this.file = state.resolve(NAME);
    this.bytes = bytes;
  }

  /**
   * Gives it up.
   *
   * @return whether there was one
   */
  public static boolean release(Path state) throws IOException {
    return Files.deleteIfExists(state.resolve(NAME));
  }

  boolean release() throws IOException {
    return Files.deleteIfExists(file);
  }

  long bytes() {
    return bytes;
  }

  /** One of a time when there was more room is one too. */
  boolean isWhole() {
    return bytes == 0
        || (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
            && file.toFile().length() >= bytes);
  }

  /** Takes it back; all of it or nothing. */
  void take() throws IOException {
    take(bytes);
  }

  /** Takes so much of it, if that is less. */
  void take(long most) throws IOException {
    Files.deleteIfExists(file);
    boolean whole = false;
    try (FileChannel channel =
            FileChannel.open(
                file,
                Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
                PosixFilePermissions.asFileAttribute(
                    PosixFilePermissions.fromString("rw-------")));
        OutputStream out = Channels.newOutputStream(channel)) {
      byte[] block = new byte[BLOCK];
      new SplittableRandom().nextBytes(block);
      for (long left = Math.min(most, bytes); left > 0; left -= block.length) {
        out.write(block, 0, (int) Math.min(left, block.length));
      }
      whole = true;
    } finally {
      if (!whole) {
        Files.deleteIfExists(file);
      }
    }
  }
}

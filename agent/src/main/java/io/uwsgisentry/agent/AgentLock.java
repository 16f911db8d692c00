package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;

/**
 * The fcntl lock on {@code <dir>/agent.lock} that makes its holder the directory's one agent. The
 * kernel lets it go with the process, however that ends. The supervising script holds a lock of the
 * other family (flock) on the same file; the two do not see each other.
 *
 * <p>No other code of this process may open the file: closing any descriptor of it would let the
 * lock go.
 */
final class AgentLock implements AutoCloseable {
  private final FileChannel channel;

  private AgentLock(FileChannel channel) {
    this.channel = channel;
  }

  /** The lock, or nothing if another agent holds it. */
  static Optional<AgentLock> take(Path directory) throws IOException {
    FileChannel channel =
        FileChannel.open(
            directory.resolve("agent.lock"),
            Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE, LinkOption.NOFOLLOW_LINKS),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // Another agent in this very process: tests do that.
    } finally {
      if (lock == null) {
        channel.close();
      }
    }
    return lock == null ? Optional.empty() : Optional.of(new AgentLock(channel));
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}

package io.uwsgisentry.cli;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which agent holds the lock file, found without getting in anybody's way. The kernel's list of
 * locks is read first: it tells the process, and reading it takes no lock. It leaves out other
 * containers' processes, and some file systems show other device numbers there; then a shared lock
 * is tried for a moment.
 *
 * <p>Only fcntl locks count, Java's: the supervising script holds a flock of the same file also
 * while no JVM runs.
 */
final class AgentStatus {
  private static final Path KERNEL_LIST = Path.of("/proc/locks");

  private AgentStatus() {}

  /**
   * The answer.
   *
   * @param pid of the holder; null if there is none or it cannot be seen from here
   */
  record Holder(boolean present, @Nullable Long pid) {
    static final Holder NOBODY = new Holder(false, null);
  }

  static Holder holder(Path file) throws IOException {
    String name;
    try {
      Map<String, Object> stat = Files.readAttributes(file, "unix:dev,ino");
      long device = ((Number) stat.getOrDefault("dev", 0)).longValue();
      long major = (device >> 8 & 0xfff) | (device >> 32 & ~0xfffL);
      long minor = (device & 0xff) | (device >> 12 & ~0xffL);
      name = String.format("%02x:%02x:%s", major, minor, stat.get("ino"));
    } catch (NoSuchFileException e) {
      return Holder.NOBODY;
    }
    Holder listed = Files.isReadable(KERNEL_LIST) ? listed(name) : Holder.NOBODY;
    return listed.present() ? listed : tried(file);
  }

  /**
   * A line: {@code 1: POSIX ADVISORY WRITE 4711 fd:01:1234567 0 EOF}. Who waits has an arrow as the
   * second word.
   */
  private static Holder listed(String name) throws IOException {
    for (String line : Files.readString(KERNEL_LIST, StandardCharsets.US_ASCII).split("\n", -1)) {
      String[] words = line.trim().split(" +", -1);
      if (words.length >= 6 && words[1].equals("POSIX") && words[5].equals(name)) {
        long pid = Long.parseLong(words[4]);
        return new Holder(true, pid > 0 ? pid : null);
      }
    }
    return Holder.NOBODY;
  }

  private static Holder tried(Path file) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return Holder.NOBODY; // opening a FIFO would wait for ever
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true);
      return new Holder(lock == null, null);
    } catch (NoSuchFileException e) {
      return Holder.NOBODY;
    }
  }
}

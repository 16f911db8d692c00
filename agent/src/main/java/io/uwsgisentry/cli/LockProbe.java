package io.uwsgisentry.cli;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Who holds a lock file, found without getting in anybody's way: the kernel's list of locks is read first, because it knows both
 * families of locks (flock and fcntl) and reading it takes none. It leaves out the locks of other containers; for those a shared
 * lock is tried, for a moment.
 */
final class LockProbe {
  private static final Path KERNEL_LIST = Path.of("/proc/locks");

  private LockProbe() {}

  /**
   * The answer.
   *
   * @param pid of the holder; null if there is none or it cannot be seen from here
   */
  record Holder(boolean present, @Nullable Long pid) {
    static final Holder NOBODY = new Holder(false, null);
  }

  static Holder holder(Path file) throws IOException {
    Object inode;
    try {
      inode = Files.getAttribute(file, "unix:ino");
    } catch (NoSuchFileException e) {
      return Holder.NOBODY;
    }
    Holder listed = Files.isReadable(KERNEL_LIST) ? listed(inode.toString()) : Holder.NOBODY;
    return listed.present() ? listed : tried(file);
  }

  /** A line: {@code 1: POSIX  ADVISORY  WRITE 4711 fd:01:1234567 0 EOF}; the file is device:inode. */
  private static Holder listed(String inode) throws IOException {
    for (String line : Files.readString(KERNEL_LIST, StandardCharsets.US_ASCII).split("\n")) {
      String[] words = line.trim().split(" +");
      // Who waits stands below with an arrow.
      if (words.length >= 6 && !words[1].equals("->") && words[5].endsWith(":" + inode)) {
        long pid = Long.parseLong(words[4]);
        return new Holder(true, pid > 0 ? pid : null);
      }
    }
    return Holder.NOBODY;
  }

  private static Holder tried(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true);
      return new Holder(lock == null, null);
    } catch (NoSuchFileException e) {
      return Holder.NOBODY;
    }
  }
}

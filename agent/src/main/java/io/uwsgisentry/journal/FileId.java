package io.uwsgisentry.journal;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which file or directory it is, whatever its name: device and inode. They may be given to another
 * file once nothing holds the first one, so only the id of a file that this process has open says
 * anything a moment later.
 */
public record FileId(long device, long inode) {
  private static final Path OPEN = Path.of("/proc/self/fd");

  /** What stands at that path, links not followed; null if nothing does. */
  public static @Nullable FileId at(Path path) throws IOException {
    return find(path, LinkOption.NOFOLLOW_LINKS);
  }

  private static @Nullable FileId find(Path path, LinkOption... options) throws IOException {
    try {
      return of(Files.readAttributes(path, "unix:dev,ino", options));
    } catch (NoSuchFileException | NotDirectoryException e) {
      return null;
    }
  }

  private static FileId of(Map<String, Object> stat) {
    return new FileId(
        ((Number) stat.getOrDefault("dev", 0)).longValue(),
        ((Number) stat.getOrDefault("ino", 0)).longValue());
  }

  /**
   * A descriptor of this process that is open on it, as a path below {@code /proc}: the kernel goes
   * from there straight to the file or directory, wherever its name is by now. Null if none is.
   */
  public @Nullable Path descriptor() throws IOException {
    return descriptor(Set.of());
  }

  /** The same, but none of those. */
  @Nullable Path descriptor(Set<Path> except) throws IOException {
    for (Path one : descriptors()) {
      if (!except.contains(one) && equals(find(one))) {
        return one;
      }
    }
    return null;
  }

  /** All that this process has open. */
  static Set<Path> descriptors() throws IOException {
    Set<Path> all = new HashSet<>();
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(OPEN)) {
      descriptors.forEach(all::add);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    // The one by which they were listed is closed again, and its number is free for the next file.
    all.removeIf(one -> !Files.exists(one, LinkOption.NOFOLLOW_LINKS));
    return all;
  }
}

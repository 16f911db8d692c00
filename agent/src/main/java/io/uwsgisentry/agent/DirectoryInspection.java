package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The look at a state directory before the agent opens anything in it. All that is in there must be
 * the agent's user's own, plain, and closed to others: a link would lead elsewhere, opening a FIFO
 * would wait for ever, and another user's file may say anything.
 *
 * <p>What only gives too many rights is put right; everything else is left for a person to judge.
 */
final class DirectoryInspection {
  private static final int TYPE = 0170000;
  private static final int DIRECTORY = 0040000;
  private static final int REGULAR = 0100000;
  private static final int LINK = 0120000;
  private static final int FIFO = 0010000;
  private static final int OF_OTHERS = 0077;

  private static final Set<String> DIRECTORIES = Set.of("journal", "runtime");
  private static final Pattern FILES =
      Pattern.compile(
          "key|reserve|agent\\.(lock|log|log\\.1|wanted|failure)|changes|unread-.*|outbox\\.db([-.].*)?");
  private static final Pattern JOURNAL = Pattern.compile("live|sealed-.*");
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> OWNER_ONLY_DIRECTORY =
      PosixFilePermissions.fromString("rwx------");

  private final long uid;
  private final List<String> remarks = new ArrayList<>();

  private DirectoryInspection(long uid) {
    this.uid = uid;
  }

  /**
   * Looks at a state directory, which may not exist yet.
   *
   * @param uid whose all must be
   * @return what was put right, and what is in the way: one line each
   * @throws IOException if the agent must not use the directory; the message says what to change
   */
  static List<String> of(Path state, long uid) throws IOException {
    DirectoryInspection inspection = new DirectoryInspection(uid);
    inspection.inspect(state);
    return inspection.remarks;
  }

  /** The user that this process runs as. */
  static long ownUid() throws IOException {
    return ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
  }

  private record Found(Path path, long uid, int mode) {
    boolean is(int type) {
      return (mode & TYPE) == type;
    }

    String type() {
      return switch (mode & TYPE) {
        case DIRECTORY -> "a directory";
        case REGULAR -> "a file";
        case LINK -> "a symbolic link";
        case FIFO -> "a FIFO";
        default -> "neither file nor directory";
      };
    }
  }

  private void inspect(Path state) throws IOException {
    Found found = find(state);
    if (found == null) {
      return;
    }
    require(found, DIRECTORY);
    for (Path path : in(state)) {
      String name = String.valueOf(path.getFileName());
      boolean directory = DIRECTORIES.contains(name);
      Found inside = directory || FILES.matcher(name).matches() ? find(path) : null;
      if (inside == null) {
        continue;
      }
      require(inside, directory ? DIRECTORY : REGULAR);
    }
    for (Path path : in(state.resolve("journal"))) {
      Found file =
          JOURNAL.matcher(String.valueOf(path.getFileName())).matches() ? find(path) : null;
      if (file != null && !file.is(REGULAR)) {
        // The other files can be read even so.
        remarks.add(path + " is " + file.type() + ": remove it, nothing is recorded through it");
      } else if (file != null) {
        close(file);
      }
    }
    for (Path path : in(state.resolve("runtime"))) {
      Found file = find(path);
      if (file != null) {
        require(file, file.is(DIRECTORY) ? DIRECTORY : REGULAR);
      }
    }
  }

  private void require(Found found, int type) throws IOException {
    if (!found.is(type)) {
      throw new IOException(
          found.path()
              + " is "
              + found.type()
              + (type == DIRECTORY ? ", not a directory" : ", not a file")
              + ": remove it");
    }
    if (found.uid() != uid) {
      throw new IOException(
          found.path()
              + " belongs to uid "
              + found.uid()
              + ", and this is uid "
              + uid
              + ": run this as its owner, or chown it");
    }
    close(found);
  }

  private void close(Found found) throws IOException {
    if ((found.mode() & OF_OTHERS) == 0 || found.uid() != uid) {
      return;
    }
    Files.setPosixFilePermissions(
        found.path(), found.is(DIRECTORY) ? OWNER_ONLY_DIRECTORY : OWNER_ONLY);
    remarks.add(
        found.path()
            + " was open to others (mode "
            + Integer.toOctalString(found.mode() & 07777)
            + "); it is its owner's alone now");
  }

  private static @org.jspecify.annotations.Nullable Found find(Path path) throws IOException {
    try {
      Map<String, Object> stat =
          Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
      return new Found(
          path,
          ((Number) stat.getOrDefault("uid", -1)).longValue(),
          ((Number) stat.getOrDefault("mode", 0)).intValue());
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private static List<Path> in(Path directory) throws IOException {
    List<Path> paths = new ArrayList<>();
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return paths;
    }
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
      stream.forEach(paths::add);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return paths;
  }
}

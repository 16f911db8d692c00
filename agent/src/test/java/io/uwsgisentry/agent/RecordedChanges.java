package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What {@code proof/recorder.c} wrote down of a process, and a directory as it would be had the
 * machine stopped after any of it.
 *
 * <p>The model of a disk: what was written to a file is certain once that file was synced; a name
 * that was made, changed or removed is certain once its directory was. What is not certain may be
 * there, or not, or in part, whatever came before or after it in other files. Names alone keep
 * their order: one that came later is not there without those before it.
 */
final class RecordedChanges {
  /** What has become of the data that was not synced. */
  enum Data {
    KEPT,
    DROPPED,
    /** The last write to each file is there by half. */
    TORN,
    /** Each sector of 512 bytes is there or not. */
    SHUFFLED
  }

  /** What has become of the names that were not synced. */
  enum Names {
    KEPT,
    DROPPED
  }

  private record Change(char what, long inode, long offset, byte[] a, byte[] b) {
    String path() {
      return new String(a, StandardCharsets.UTF_8);
    }
  }

  private static final class File {
    byte[] certain;
    final List<Change> open = new ArrayList<>();

    File(byte[] certain) {
      this.certain = certain;
    }

    void sync() {
      certain = content(Data.KEPT, new Random(0));
      open.clear();
    }

    byte[] content(Data data, Random coin) {
      if (data == Data.DROPPED) {
        return certain;
      }
      byte[] bytes = certain;
      for (int i = 0; i < open.size(); i++) {
        Change change = open.get(i);
        if (change.what == 'T') {
          bytes = data == Data.SHUFFLED && coin.nextBoolean() ? bytes : cut(bytes, change.offset);
        } else if (data == Data.SHUFFLED) {
          for (int from = 0; from < change.a.length; from += 512) {
            if (coin.nextBoolean()) {
              bytes = write(bytes, change, from, Math.min(512, change.a.length - from));
            }
          }
        } else {
          boolean half = data == Data.TORN && i == open.size() - 1;
          bytes = write(bytes, change, 0, half ? change.a.length / 2 : change.a.length);
        }
      }
      return bytes;
    }

    private static byte[] cut(byte[] bytes, long length) {
      return Arrays.copyOf(bytes, (int) length);
    }

    private static byte[] write(byte[] bytes, Change change, int from, int length) {
      int at = (int) change.offset + from;
      byte[] longer = Arrays.copyOf(bytes, Math.max(bytes.length, at + length));
      System.arraycopy(change.a, from, longer, at, length);
      return longer;
    }
  }

  private final Path directory;
  private final Predicate<String> ofInterest;
  private final List<Change> changes = new ArrayList<>();
  private final Map<Long, byte[]> firstContents = new HashMap<>();
  private final Map<String, Long> firstNames = new TreeMap<>();

  /**
   * Remembers what is in the directory now; all of it is certain.
   *
   * @param ofInterest by a file's name below the directory; other files are left out
   */
  RecordedChanges(Path directory, Predicate<String> ofInterest) throws IOException {
    this.directory = directory;
    this.ofInterest = ofInterest;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = name(file.toString());
        if (name != null) {
          long inode = ((Number) Files.getAttribute(file, "unix:ino")).longValue();
          firstContents.put(inode, Files.readAllBytes(file));
          firstNames.put(name, inode);
        }
      }
    }
  }

  private @Nullable String name(String path) {
    if (!path.startsWith(directory + "/")) {
      return null;
    }
    String name = path.substring(directory.toString().length() + 1);
    return ofInterest.test(name) ? name : null;
  }

  /** Reads what was recorded. */
  void read(Path trace) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(trace)).order(ByteOrder.LITTLE_ENDIAN);
    Map<Long, Boolean> interesting = new HashMap<>();
    firstNames.values().forEach(inode -> interesting.put(inode, true));
    while (in.hasRemaining()) {
      char what = (char) in.get();
      long inode = in.getLong();
      long offset = in.getLong();
      byte[] a = new byte[in.getInt()];
      byte[] b = new byte[in.getInt()];
      in.get(a).get(b);
      Change change = new Change(what, inode, offset, a, b);
      switch (what) {
        case 'C' -> {
          interesting.put(inode, name(change.path()) != null);
          add(change, name(change.path()) != null);
        }
        case 'W', 'T', 'S' -> add(change, interesting.getOrDefault(inode, false));
        case 'U' -> add(change, name(change.path()) != null);
        case 'R', 'L' ->
            add(
                change,
                name(change.path()) != null || name(new String(b, StandardCharsets.UTF_8)) != null);
        case 'D' -> add(change, true);
        default -> throw new IOException("a change '" + what + "' of " + change.path());
      }
    }
  }

  private void add(Change change, boolean wanted) {
    if (wanted) {
      changes.add(change);
    }
  }

  /** As if the process had synced nothing. */
  void forgetSyncs() {
    changes.removeIf(change -> change.what == 'S' || change.what == 'D');
  }

  int count() {
    return changes.size();
  }

  /** What the change before that point was, for a message. */
  String before(int point) {
    if (point == 0) {
      return "nothing yet";
    }
    Change change = changes.get(point - 1);
    return change.what
        + " "
        + (change.what == 'W' || change.what == 'T' || change.what == 'S'
            ? change.inode + " at " + change.offset + ", " + change.a.length + " bytes"
            : change.path() + " " + new String(change.b, StandardCharsets.UTF_8));
  }

  /** Builds the directory as it would be after so many changes. */
  void build(Path to, int point, Data data, Names names, long seed) throws IOException {
    Map<Long, File> files = new HashMap<>();
    firstContents.forEach((inode, bytes) -> files.put(inode, new File(bytes)));
    Map<String, File> now = new TreeMap<>();
    firstNames.forEach((name, inode) -> now.put(name, files.get(inode)));
    Map<String, File> certain = new TreeMap<>(now);
    for (Change change : changes.subList(0, point)) {
      switch (change.what) {
        case 'C' -> {
          // An inode's number is used again.
          File file = new File(new byte[0]);
          files.put(change.inode, file);
          now.put(name(change.path()), file);
        }
        case 'W', 'T' -> files.get(change.inode).open.add(change);
        case 'S' -> files.get(change.inode).sync();
        case 'U' -> now.remove(name(change.path()));
        case 'R' -> {
          File file = now.remove(name(change.path()));
          now.put(name(new String(change.b, StandardCharsets.UTF_8)), file);
        }
        case 'L' -> {
          File file = now.get(name(change.path()));
          now.put(name(new String(change.b, StandardCharsets.UTF_8)), file);
        }
        default -> sync(change.path(), now, certain);
      }
    }
    Random coin = new Random(seed);
    for (Map.Entry<String, File> entry : (names == Names.KEPT ? now : certain).entrySet()) {
      Path file = to.resolve(entry.getKey());
      Files.createDirectories(file.getParent());
      Files.write(file, entry.getValue().content(data, coin));
    }
  }

  private void sync(String path, Map<String, File> now, Map<String, File> certain) {
    String below =
        path.equals(directory.toString())
            ? ""
            : path.substring(directory.toString().length() + 1) + "/";
    Predicate<String> inThere =
        name -> name.startsWith(below) && name.indexOf('/', below.length()) < 0;
    certain.keySet().removeIf(inThere);
    now.forEach(
        (name, file) -> {
          if (inThere.test(name)) {
            certain.put(name, file);
          }
        });
  }
}

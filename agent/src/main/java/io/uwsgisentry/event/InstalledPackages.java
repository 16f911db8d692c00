package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The packages that are installed for a Python application, with their versions: Sentry's {@code
 * modules}. As Python's own {@code importlib.metadata}, it takes them from the names of the
 * directories {@code NAME-VERSION.dist-info} below the entries of {@code sys.path}; the first of
 * two counts. A directory is read when it has changed, else its time of change is looked at.
 * Threads may share it.
 */
final class InstalledPackages {
  static final int MOST = 500;
  private static final int MOST_ENTRIES = 5000;
  private static final int MOST_DIRECTORIES = 64;

  private static final Pattern NAME =
      Pattern.compile(
          "([A-Za-z0-9][\\w.-]{0,99}?)-(\\d[\\w.+!]{0,63})(?:-[^/]*)?\\.(?:dist|egg)-info");

  /** What a directory had when it was read. */
  private record Listing(FileTime changed, Map<String, String> packages) {}

  private final Host machine;
  private final Map<Path, Listing> known = new ConcurrentHashMap<>();

  InstalledPackages(Host machine) {
    this.machine = machine;
  }

  /** By name; empty where the record has no {@code sys.path}. */
  Map<String, String> of(Record record) {
    String path = record.fields().text("python.path");
    TreeMap<String, String> all = new TreeMap<>();
    for (String entry : path == null ? new String[0] : path.split("\0")) {
      Path directory =
          entry.endsWith("-packages") || entry.endsWith("-packages/") ? machine.file(entry) : null;
      if (directory != null) {
        listed(directory).forEach(all::putIfAbsent);
      }
    }
    while (all.size() > MOST) {
      all.remove(all.lastKey());
    }
    return all;
  }

  private Map<String, String> listed(Path directory) {
    try {
      FileTime changed = Files.getLastModifiedTime(directory);
      Listing listing = known.get(directory);
      if (listing == null || !listing.changed.equals(changed)) {
        listing = new Listing(changed, read(directory));
        if (known.size() >= MOST_DIRECTORIES) {
          known.clear();
        }
        known.put(directory, listing);
      }
      return listing.packages;
    } catch (IOException | DirectoryIteratorException e) {
      // Not there, or not for the agent's eyes: the event says nothing of it.
      return Map.of();
    }
  }

  private static Map<String, String> read(Path directory) throws IOException {
    Map<String, String> packages = new TreeMap<>();
    int entries = 0;
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, "*-info")) {
      for (Path entry : stream) {
        Matcher name = NAME.matcher(entry.getFileName().toString());
        if (name.matches()) {
          // As pip shows it: the file's name has underscores for what the package's may have.
          packages.put(name.group(1).toLowerCase(Locale.ROOT).replace('_', '-'), name.group(2));
        }
        if (++entries == MOST_ENTRIES) {
          break;
        }
      }
    }
    return Map.copyOf(packages);
  }
}

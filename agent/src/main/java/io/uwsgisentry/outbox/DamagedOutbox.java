package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;

/**
 * A database that cannot be read is neither repaired nor thrown away: it is put aside under another
 * name, for a person to look at, and a new one takes its place. Whether it can be read is SQLite's
 * to say, and it says so only of what it touches, so that may be long after the start.
 */
public final class DamagedOutbox {
  private static final String MARK = ".damaged-";
  private static final List<String> COMPANIONS = List.of("-wal", "-shm");
  // Each may be as large as an outbox grows. More than a few are the disk's fault, and tell nothing
  // new.
  private static final int MOST_KEPT = 3;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);

  private DamagedOutbox() {}

  /**
   * Renames the database, which nobody may have open, and its companions to {@code
   * outbox.db.damaged-TIME…}; of all that were put aside, the three newest stay.
   *
   * @return the database's new name
   */
  public static Path putAside(Path db, Instant now) throws IOException {
    Path aside = db.resolveSibling(db.getFileName() + MARK + TIME.format(now));
    // The database first: should the agent die in between, a database that is missing is told from
    // one that lacks what its companion held.
    move(db, aside);
    for (String companion : COMPANIONS) {
      move(beside(db, companion), beside(aside, companion));
    }
    List<Path> all = putAside(db);
    for (Path old : all.subList(0, Math.max(0, all.size() - MOST_KEPT))) {
      Files.deleteIfExists(old);
      for (String companion : COMPANIONS) {
        Files.deleteIfExists(beside(old, companion));
      }
    }
    return aside;
  }

  /**
   * Whether the database is gone and its write-ahead log is not: SQLite would take the log for that
   * of the database which it then makes.
   */
  public static boolean isHeadless(Path db) {
    return !Files.exists(db, LinkOption.NOFOLLOW_LINKS)
        && Files.exists(beside(db, "-wal"), LinkOption.NOFOLLOW_LINKS);
  }

  /** What was put aside and is still there, oldest first. */
  public static List<Path> putAside(Path db) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(db.toAbsolutePath().getParent(), db.getFileName() + MARK + "*Z")) {
      files.forEach(found::add);
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    found.sort(null);
    return found;
  }

  private static Path beside(Path db, String companion) {
    return db.resolveSibling(db.getFileName() + companion);
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      // SQLite removes its companions when it closes, also those of a database that is damaged.
    }
  }
}

package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.SQLException;
import java.util.List;

/**
 * From a file to a database that all other classes here can rely on: its tables are those of this
 * version, and who may write it can make no move that {@link Transition} does not list. What cannot
 * be brought to that is not left open.
 *
 * <p>A writer brings an older database to this version, for good. A reader leaves it as it is, as
 * the agent that it belongs to may be an older one and still run: what is missing is made up on the
 * reader's own connection. A newer database is refused by both: what its rows mean is not known.
 */
final class Opening {
  /**
   * A database that its first agent makes in this very moment looks damaged to who reads it, and
   * sound a moment later.
   */
  private static final int LOOKS = 5;

  private static final long BETWEEN_LOOKS = 50;

  private Opening() {}

  private interface Step {
    void run() throws IOException;
  }

  /**
   * Makes the file if it is missing.
   *
   * @throws NewerOutboxException if a newer version of this program has written it
   */
  static Database forWriting(Path file, Footprint footprint) throws IOException {
    Database database = Database.open(file, footprint);
    return orClosed(
        database,
        () -> {
          Schema.migrate(database);
          database.read(() -> guard(database));
          database.keepWayOut();
        });
  }

  /**
   * Makes nothing.
   *
   * @throws java.nio.file.NoSuchFileException if there is none yet
   * @throws NewerOutboxException if a newer version of this program has written it
   */
  static Database forReading(Path file) throws IOException {
    for (int look = 1; ; look++) {
      try {
        Database database = Database.openReadOnly(file);
        orClosed(database, () -> Schema.understand(database));
        if (look == LOOKS || !database.isInTheMaking()) {
          return database;
        }
        database.close();
      } catch (OutboxException e) {
        if (look == LOOKS) {
          throw e;
        }
        pause(e);
      }
    }
  }

  private static void pause(OutboxException failure) throws OutboxException {
    try {
      Thread.sleep(BETWEEN_LOOKS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failure;
    }
  }

  private static boolean guard(Database database) throws SQLException {
    database.execute(Transition.guard());
    return true;
  }

  private static Database orClosed(Database database, Step step) throws IOException {
    boolean done = false;
    try {
      step.run();
      done = true;
      return database;
    } finally {
      if (!done) {
        database.close();
      }
    }
  }

  static boolean hasLog(Path file) {
    return Files.exists(file.resolveSibling(file.getFileName() + "-wal"));
  }

  /** SQLite would follow a link, and wait at a FIFO for ever. */
  static void requirePlain(Path file) throws IOException {
    for (String companion : List.of("", "-wal", "-shm")) {
      Path one = file.resolveSibling(file.getFileName() + companion);
      try {
        // In one look: the companions come and go with who has the database open.
        if (!Files.readAttributes(one, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
            .isRegularFile()) {
          throw new IOException(one + " is not a plain file");
        }
      } catch (NoSuchFileException e) {
        // As plain as can be.
      }
    }
  }
}

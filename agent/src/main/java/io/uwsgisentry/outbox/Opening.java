package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;

/**
 * From a file to a database that all other classes here can rely on: its tables are those of this
 * version, and who may write it can make no move that {@link Move} does not list. What cannot be
 * brought to that is not left open.
 *
 * <p>A writer brings an older database to this version, for good. A reader leaves it as it is, as
 * the agent that it belongs to may be an older one and still run: what is missing is made up on the
 * reader's own connection. A newer database is refused by both: what its rows mean is not known.
 */
final class Opening {
  private Opening() {}

  private interface Step {
    void run() throws IOException;
  }

  /**
   * Makes the file if it is missing.
   *
   * @throws NewerOutboxException if a newer version of this program has written it
   */
  static Database forWriting(Path file) throws IOException {
    Database database = Database.open(file);
    return orClosed(
        database,
        () -> {
          Schema.migrate(database);
          database.read(() -> guard(database));
        });
  }

  /**
   * Makes nothing.
   *
   * @throws java.nio.file.NoSuchFileException if there is none yet
   * @throws NewerOutboxException if a newer version of this program has written it
   */
  static Database forReading(Path file) throws IOException {
    Database database = Database.openReadOnly(file);
    return orClosed(database, () -> Schema.understand(database));
  }

  private static boolean guard(Database database) throws SQLException {
    database.execute(Move.guard());
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
}

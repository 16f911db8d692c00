package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.sql.SQLException;
import java.util.List;
import org.sqlite.SQLiteErrorCode;

/**
 * The tables, and the way from each version of them to the next. {@code PRAGMA user_version} holds
 * the version.
 *
 * <ul>
 *   <li>{@code entries} holds what one query over many entries needs, in small rows; the JSON is in
 *       {@code payloads}, so that a change of state does not rewrite it.
 *   <li>Times are milliseconds since 1970, but {@code entries.time}, which is microseconds as in
 *       the journal.
 *   <li>{@code consumed} and {@code consumed_before} hold the ids of records that have no entry of
 *       their own id, {@code turned} when the one was last put in the other's place ({@link
 *       RecentIds}); that of version 1 had a column more.
 *   <li>{@code files.attempts} counts how often reading started at {@code position} without getting
 *       beyond it.
 *   <li>{@code entries.reason}: with which {@link DiscardReason} a dead one was counted, for {@code
 *       events retry} to take that back.
 *   <li>{@code entries.packed}: the payload is compressed with gzip and stands in {@code packed}, a
 *       table of its own, since small ones in the place of large ones would give no page back.
 *       {@code size} is that of the payload as it is stored.
 *   <li>{@code entries.denials}: how often a server turned it away (401, 403, 404) that took
 *       others; {@code attempts} counts whatever went wrong.
 *   <li>{@code reports} is what servers are still to be told of as discarded; {@code openCircuits}
 *       whose circuit is open, with what the server said last.
 *   <li>{@code folds} holds a window of each fault seen lately (times in microseconds), with what
 *       its summary is to be made of; {@code minutes} how many events happened in a minute and were
 *       to be sent.
 *   <li>States 0, 1, 3, 4 in the indexes are those of {@link State}.
 * </ul>
 */
final class Schema {
  static final int VERSION = 2;

  static final String CONSUMED = "CREATE TABLE consumed(id BLOB PRIMARY KEY) WITHOUT ROWID";

  private static final String[] VERSION_1 = {
    """
    CREATE TABLE destinations(
      id INTEGER PRIMARY KEY,
      key TEXT NOT NULL UNIQUE,
      dsn TEXT NOT NULL,
      verify INTEGER NOT NULL)
    """,
    """
    CREATE TABLE handlers(
      hash INTEGER PRIMARY KEY,
      instance TEXT NOT NULL,
      handler TEXT NOT NULL,
      options TEXT NOT NULL,
      defaults BLOB NOT NULL,
      seen INTEGER NOT NULL)
    """,
    """
    CREATE TABLE entries(
      seq INTEGER PRIMARY KEY,
      id BLOB NOT NULL UNIQUE,
      state INTEGER NOT NULL,
      destination INTEGER REFERENCES destinations(id),
      timeout INTEGER NOT NULL,
      debug INTEGER NOT NULL,
      category TEXT NOT NULL,
      level TEXT NOT NULL,
      title TEXT NOT NULL,
      handler INTEGER NOT NULL,
      fold INTEGER NOT NULL,
      occurrences INTEGER NOT NULL,
      raw INTEGER NOT NULL,
      time INTEGER NOT NULL,
      stored INTEGER NOT NULL,
      size INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      not_before INTEGER,
      last_error TEXT,
      status INTEGER,
      settled INTEGER)
    """,
    "CREATE TABLE payloads(seq INTEGER PRIMARY KEY REFERENCES entries(seq), payload BLOB NOT NULL)",
    "CREATE INDEX entries_ready ON entries(destination, seq) WHERE state = 0",
    "CREATE INDEX entries_later ON entries(not_before) WHERE state = 0 AND not_before IS NOT NULL",
    "CREATE INDEX entries_waiting ON entries(handler) WHERE state IN (3, 4)",
    "CREATE INDEX entries_fold ON entries(fold, seq)",
    """
    CREATE TABLE files(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      position INTEGER NOT NULL,
      attempts INTEGER NOT NULL,
      finished INTEGER)
    """,
    "CREATE TABLE consumed(id BLOB PRIMARY KEY, file INTEGER NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE counters(
      name TEXT NOT NULL,
      reason TEXT NOT NULL,
      subject TEXT NOT NULL,
      quantity INTEGER NOT NULL,
      last INTEGER NOT NULL,
      PRIMARY KEY (name, reason, subject)) WITHOUT ROWID
    """,
    """
    CREATE TABLE holds(
      destination TEXT NOT NULL,
      category TEXT NOT NULL,
      until INTEGER NOT NULL,
      PRIMARY KEY (destination, category)) WITHOUT ROWID
    """,
    "PRAGMA user_version = 1"
  };

  private static final String[] VERSION_2 = {
    "ALTER TABLE destinations ADD COLUMN ca TEXT",
    "ALTER TABLE destinations ADD COLUMN proxy TEXT",
    "ALTER TABLE entries ADD COLUMN reason TEXT",
    "ALTER TABLE entries ADD COLUMN packed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE entries ADD COLUMN denials INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE consumed RENAME TO consumed_before",
    CONSUMED,
    "CREATE TABLE turned(at INTEGER NOT NULL)",
    "INSERT INTO turned(at) VALUES (0)",
    "CREATE TABLE packed(seq INTEGER PRIMARY KEY REFERENCES entries(seq), payload BLOB NOT NULL)",
    "CREATE INDEX entries_age ON entries(stored) WHERE state = 0",
    "CREATE INDEX entries_loose ON entries(seq) WHERE state = 1 AND packed = 0",
    """
    CREATE TABLE breakers(
      destination TEXT PRIMARY KEY,
      status INTEGER NOT NULL,
      words TEXT NOT NULL,
      since INTEGER NOT NULL,
      probes INTEGER NOT NULL,
      next INTEGER NOT NULL) WITHOUT ROWID
    """,
    """
    CREATE TABLE reports(
      destination INTEGER NOT NULL REFERENCES destinations(id),
      reason TEXT NOT NULL,
      category TEXT NOT NULL,
      quantity INTEGER NOT NULL,
      PRIMARY KEY (destination, reason, category)) WITHOUT ROWID
    """,
    """
    CREATE TABLE folds(
      id INTEGER PRIMARY KEY,
      lane TEXT NOT NULL,
      fault INTEGER NOT NULL,
      opened INTEGER NOT NULL,
      passed INTEGER NOT NULL,
      folded INTEGER NOT NULL,
      first INTEGER NOT NULL,
      last INTEGER NOT NULL,
      varied BLOB NOT NULL,
      kind INTEGER NOT NULL,
      handler INTEGER NOT NULL,
      destination INTEGER REFERENCES destinations(id),
      timeout INTEGER NOT NULL,
      debug INTEGER NOT NULL,
      time INTEGER,
      category TEXT,
      level TEXT,
      title TEXT,
      payload BLOB,
      UNIQUE (lane, fault))
    """,
    "CREATE INDEX folds_opened ON folds(opened)",
    """
    CREATE TABLE minutes(
      destination INTEGER NOT NULL REFERENCES destinations(id),
      minute INTEGER NOT NULL,
      events INTEGER NOT NULL,
      PRIMARY KEY (destination, minute)) WITHOUT ROWID
    """,
    "PRAGMA user_version = 2"
  };

  /** What readers see of the tables that version 2 has changed. */
  private static final List<String> VERSION_1_AS_2 =
      List.of(
          "CREATE TEMP VIEW destinations AS"
              + " SELECT *, NULL AS ca, NULL AS proxy FROM main.destinations",
          "CREATE TEMP VIEW entries AS"
              + " SELECT *, NULL AS reason, 0 AS packed, 0 AS denials FROM main.entries");

  /** The statements that lead from each version to the next. */
  private static final List<String[]> STEPS = List.of(VERSION_1, VERSION_2);

  private Schema() {}

  /** Brings the database to this version. */
  static void migrate(Database database) throws IOException {
    if (version(database) == VERSION) {
      return;
    }
    database.write(
        tx -> {
          // Looked at again under the write lock: another process may have been quicker.
          for (int version = version(database); version < VERSION; version++) {
            for (String statement : STEPS.get(version)) {
              tx.execute(statement);
            }
          }
          return VERSION;
        });
    if (version(database) != VERSION) {
      throw new NewerOutboxException(database.file(), version(database));
    }
  }

  /**
   * Sees to it that a reader of this version understands the database, which stays as it is: what
   * an older one lacks stands in temporary views and tables of the same names, which SQLite finds
   * first.
   */
  static void understand(Database database) throws IOException {
    int version = version(database);
    if (version == 0) {
      throw new NoSuchFileException(database.file().toString(), null, "still empty");
    }
    if (version > VERSION) {
      throw new NewerOutboxException(database.file(), version);
    }
    if (version < VERSION) {
      database.read(() -> supplement(database));
    }
  }

  private static boolean supplement(Database database) throws SQLException {
    database.execute("PRAGMA temp_store = MEMORY");
    for (String statement : VERSION_1_AS_2) {
      database.execute(statement);
    }
    for (String statement : VERSION_2) {
      if (statement.startsWith("CREATE TABLE")) {
        database.execute(statement.replaceFirst("TABLE", "TEMP TABLE"));
      }
    }
    return true;
  }

  private static int version(Database database) throws IOException {
    return database.read(() -> userVersion(database));
  }

  private static int userVersion(Database database) throws SQLException {
    long version = database.pragma("PRAGMA user_version");
    if (version < 0) {
      throw new SQLException("no version is " + version, null, SQLiteErrorCode.SQLITE_CORRUPT.code);
    }
    return (int) version;
  }
}

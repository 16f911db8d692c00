package io.uwsgisentry.outbox;

import java.io.IOException;
import java.net.URI;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteOpenMode;

/**
 * One connection to the SQLite file, one lock around it, and the statements prepared so far.
 *
 * <p>How a reader leaves no trace: also a read-only connection to a WAL database makes {@code -wal}
 * and {@code -shm} if they are missing, and leaves them behind. They are missing exactly when
 * nobody has the database open and the last one closed it cleanly; nothing is then to be found
 * outside the main file, and it is opened as {@code immutable}, which touches nothing else. Where
 * {@code -wal} exists (the agent runs, or was killed) an ordinary read-only connection finds the
 * files it needs. An agent that starts in the split second in which that is found out is met by
 * {@link Opening}, which looks again; one that starts later leaves the main file as it is for
 * longer than a reading takes.
 */
final class Database implements AutoCloseable {
  private static final int BUSY_TIMEOUT_MS = 5_000;
  private static final long WAL_KEPT_BYTES = 1 << 20;

  private final Path file;
  private final Connection connection;
  private final boolean immutable;
  private final @Nullable WayOut wayOut;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, PreparedStatement> statements = new HashMap<>();
  private final List<Runnable> onRollback = new ArrayList<>();
  private volatile @Nullable OutboxException damage;

  private Database(Path file, Connection connection, boolean immutable, @Nullable WayOut wayOut) {
    this.file = file;
    this.connection = connection;
    this.immutable = immutable;
    this.wayOut = wayOut;
  }

  /** Opens the file for writing; makes it, with mode 0600, if it is missing. */
  static Database open(Path file, Footprint footprint) throws IOException {
    try {
      // SQLite gives -wal and -shm the mode of the database, so this one mode is enough.
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } catch (FileAlreadyExistsException e) {
      // As usual.
    }
    Opening.requirePlain(file);
    SQLiteConfig config = new SQLiteConfig();
    config.setBusyTimeout(BUSY_TIMEOUT_MS);
    WayOut wayOut = new WayOut(file, footprint);
    Database database = connect(file, false, config, wayOut);
    boolean ready = false;
    try {
      ready = database.read(() -> database.prepare(wayOut));
      return database;
    } finally {
      if (!ready) {
        database.close();
      }
    }
  }

  private boolean prepare(WayOut out) throws SQLException {
    if (pragma("PRAGMA page_count") == 0) {
      // It has an effect on a new file only, and only as the first of all.
      execute("PRAGMA auto_vacuum = INCREMENTAL");
    }
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = NORMAL");
    long log = out.footprint().log();
    execute("PRAGMA journal_size_limit = " + Math.max(log / 4, Math.min(log, WAL_KEPT_BYTES)));
    execute("PRAGMA temp_store = MEMORY");
    out.letGrow(this);
    return true;
  }

  /** Opens the file for reading and makes nothing. */
  static Database openReadOnly(Path file) throws IOException {
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new NoSuchFileException(file.toString());
    }
    Opening.requirePlain(file);
    boolean quiet = !Opening.hasLog(file);
    SQLiteConfig config = new SQLiteConfig();
    config.setReadOnly(true);
    config.setBusyTimeout(BUSY_TIMEOUT_MS);
    return connect(file, quiet, config, null);
  }

  /**
   * Whether somebody has begun to write since it was found to be quiet: a reader would not see that
   * whole, and may see it half done. By then {@code -wal} is there.
   */
  boolean isInTheMaking() {
    return immutable && Opening.hasLog(file);
  }

  private static Database connect(
      Path file, boolean immutable, SQLiteConfig config, @Nullable WayOut wayOut)
      throws IOException {
    config.setOpenMode(SQLiteOpenMode.OPEN_URI);
    // Else the driver prepares and runs a query of its own after each INSERT.
    config.setGetGeneratedKeys(false);
    URI uri = file.toAbsolutePath().toUri();
    String query = immutable ? "?immutable=1" : "";
    try {
      return new Database(
          file,
          config.createConnection("jdbc:sqlite:file:" + uri.getRawPath() + query),
          immutable,
          wayOut);
    } catch (SQLException e) {
      throw new OutboxException(file, e);
    }
  }

  /** What is done with the connection, under the lock. */
  interface Work<T> {
    T run() throws SQLException, IOException;
  }

  /** Reads; several queries of one piece of work may see different states. */
  <T> T read(Work<T> work) throws IOException {
    lock.lock();
    try {
      return work.run();
    } catch (SQLException e) {
      forgetStatements();
      OutboxException failure = new OutboxException(file, e);
      if (failure.corrupt()) {
        damage = failure;
      }
      if (wayOut != null && failure.unwritten()) {
        wayOut.failed(this, failure.diskFull());
      }
      throw failure;
    } finally {
      lock.unlock();
    }
  }

  /** Throws what SQLite said when it found the database damaged, if it ever did. */
  void requireSound() throws OutboxException {
    OutboxException found = damage;
    if (found != null) {
      throw found;
    }
  }

  /** What is done in a transaction. */
  interface Change<T> {
    T run(Tx tx) throws SQLException, IOException;
  }

  /**
   * Writes: all of it or nothing. It survives the death of the process, and of the machine only
   * after a later sync.
   */
  <T> T write(Change<T> change) throws IOException {
    return read(
        () -> {
          if (wayOut != null) {
            wayOut.before(this);
          }
          execute("BEGIN IMMEDIATE");
          boolean done = false;
          try {
            T result = change.run(new Transaction(this));
            execute("COMMIT");
            done = true;
            return result;
          } finally {
            if (!done) {
              rollback();
            }
          }
        });
  }

  /** Like {@link #write}, and on return it and all that was written before has reached the disk. */
  void writeSynced(Change<?> change) throws IOException {
    read(
        () -> {
          execute("PRAGMA synchronous = FULL");
          try {
            // In WAL mode the commit's fsync covers every frame before it.
            return write(change);
          } finally {
            execute("PRAGMA synchronous = NORMAL");
          }
        });
  }

  /** Nobody else can make one: the constructor is private. */
  static final class Transaction implements Tx {
    private final Database database;

    private Transaction(Database database) {
      this.database = database;
    }

    @Override
    public int update(String sql, @Nullable Object... values) throws SQLException {
      return database.bound(sql, values).executeUpdate();
    }

    @Override
    public <T> @Nullable T first(String sql, Row<T> row, @Nullable Object... values)
        throws SQLException, IOException {
      return database.first(sql, row, values);
    }

    @Override
    public void execute(String sql) throws SQLException {
      database.execute(sql);
    }
  }

  /** To be run, under the lock, when a write failed: what is cached of it is wrong. */
  void onRollback(Runnable forget) {
    onRollback.add(forget);
  }

  private void rollback() {
    onRollback.forEach(Runnable::run);
    try {
      execute("ROLLBACK");
    } catch (SQLException e) {
      // SQLite has rolled back by itself where the disk is full or broken: the first error tells
      // it.
    }
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /**
   * For a pragma that works a step per row but has no columns: JDBC would stop after its first
   * step.
   */
  void runToItsEnd(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate(sql);
    }
  }

  /** The statement for that text, prepared once. Under the lock only, and one use at a time. */
  PreparedStatement prepared(String sql) throws SQLException {
    PreparedStatement statement = statements.get(sql);
    if (statement == null) {
      statement = connection.prepareStatement(sql);
      statements.put(sql, statement);
    }
    return statement;
  }

  /**
   * The driver ends a statement for good that fails for any but the most usual reasons (a full disk
   * is none of them), without saying so.
   */
  private void forgetStatements() {
    for (PreparedStatement statement : statements.values()) {
      try {
        statement.close();
      } catch (SQLException e) {
        // It failed before.
      }
    }
    statements.clear();
  }

  /** The statement for that text with its values, as {@link SqlValues} says how they stand. */
  private PreparedStatement bound(String sql, @Nullable Object... values) throws SQLException {
    PreparedStatement statement = prepared(sql);
    for (int i = 0; i < values.length; i++) {
      SqlValues.bind(statement, i + 1, values[i]);
    }
    return statement;
  }

  /** What is made of each row; false: no further ones. */
  interface Visitor {
    boolean next(ResultSet row) throws SQLException, IOException;
  }

  /** Walks the rows until the visitor has enough. Under the lock, as all that follow. */
  void each(String sql, Visitor visitor, @Nullable Object... values)
      throws SQLException, IOException {
    try (ResultSet row = bound(sql, values).executeQuery()) {
      while (row.next() && visitor.next(row)) {}
    }
  }

  /** All rows. */
  <T> List<T> query(String sql, Tx.Row<T> row, @Nullable Object... values)
      throws SQLException, IOException {
    List<T> all = new ArrayList<>();
    each(sql, found -> all.add(row.of(found)), values);
    return all;
  }

  /** The first row, or null. */
  <T> @Nullable T first(String sql, Tx.Row<T> row, @Nullable Object... values)
      throws SQLException, IOException {
    try (ResultSet found = bound(sql, values).executeQuery()) {
      return found.next() ? row.of(found) : null;
    }
  }

  /** The one number that the query gives, 0 where that is null or there is no row. */
  long number(String sql, @Nullable Object... values) throws SQLException {
    try (ResultSet row = bound(sql, values).executeQuery()) {
      return row.next() ? row.getLong(1) : 0;
    }
  }

  /** The number that a pragma gives; not prepared, since some work when they are. */
  long pragma(String sql) throws SQLException {
    return pragma(sql, 1)[0];
  }

  /** So many numbers of the one row that the pragma gives. */
  long[] pragma(String sql, int columns) throws SQLException {
    long[] numbers = new long[columns];
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      for (int i = 0; i < columns && (i > 0 || rows.next()); i++) {
        numbers[i] = rows.getLong(i + 1);
      }
    }
    return numbers;
  }

  /** From now on it keeps a way out of a full disk. Its tables are there. */
  void keepWayOut() throws IOException {
    WayOut out = wayOut;
    if (out != null) {
      read(
          () -> {
            out.begin(this);
            return true;
          });
    }
  }

  /** Whether the disk is, so that the database may not grow. */
  boolean isFull() {
    return wayOut != null && wayOut.isFull();
  }

  /** In bytes. */
  long pageSize() throws SQLException {
    return number("PRAGMA page_size");
  }

  Path file() {
    return file;
  }

  @Override
  public void close() throws IOException {
    read(
        () -> {
          // With its statements, even where closing one of them would fail.
          statements.clear();
          long logged = wayOut == null ? 0 : wayOut.logged();
          connection.close();
          if (wayOut != null) {
            wayOut.closed(logged);
          }
          return true;
        });
  }
}

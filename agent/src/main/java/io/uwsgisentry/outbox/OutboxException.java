package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import org.sqlite.SQLiteErrorCode;

/**
 * The database could not do what was asked: disk full, damaged, locked for too long, not ours to
 * write.
 */
public final class OutboxException extends IOException {
  private static final long serialVersionUID = 1;

  private final int code;

  OutboxException(Path file, SQLException cause) {
    super(file + ": " + cause.getMessage(), cause);
    this.code = cause.getErrorCode() & 0xff;
  }

  /** No room on the device. */
  public boolean diskFull() {
    return code == SQLiteErrorCode.SQLITE_FULL.code;
  }

  /**
   * Nothing could be written, because there is no room or the disk fails. They are not told apart:
   * SQLite takes a quota that is used up for an error of the disk.
   */
  public boolean unwritten() {
    return diskFull() || code == SQLiteErrorCode.SQLITE_IOERR.code;
  }

  /** The file is not a database, or its content contradicts itself. */
  public boolean corrupt() {
    return code == SQLiteErrorCode.SQLITE_CORRUPT.code
        || code == SQLiteErrorCode.SQLITE_NOTADB.code;
  }
}

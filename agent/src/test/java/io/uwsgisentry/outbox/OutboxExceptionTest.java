package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.sql.SQLException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sqlite.SQLiteErrorCode;

class OutboxExceptionTest {
  @ParameterizedTest
  @CsvSource({
    // ENOSPC
    "SQLITE_FULL, true, true",
    // What SQLite makes of EDQUOT
    "SQLITE_IOERR_WRITE, false, true",
    "SQLITE_IOERR_SHMSIZE, false, true",
    "SQLITE_IOERR_FSYNC, false, true",
    "SQLITE_BUSY, false, false",
    "SQLITE_CORRUPT, false, false",
    "SQLITE_READONLY, false, false"
  })
  void aQuotaThatIsUsedUpIsNoRoomToo(SQLiteErrorCode code, boolean full, boolean unwritten) {
    OutboxException failure =
        new OutboxException(Path.of("outbox.db"), new SQLException("", null, code.code));
    assertThat(failure.diskFull()).isEqualTo(full);
    assertThat(failure.unwritten()).isEqualTo(unwritten);
  }
}

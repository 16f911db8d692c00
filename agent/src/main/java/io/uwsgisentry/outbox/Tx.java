package io.uwsgisentry.outbox;

import java.io.IOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * A transaction that has begun. Only {@link Database#write} makes one, so a method that asks for it
 * is called inside a write, and what it changes happens with the rest of that write or not at all.
 *
 * <p>Values stand for the question marks, in order; how they stand in columns says {@link
 * SqlValues#bind}.
 */
sealed interface Tx permits Database.Transaction {
  /** Changes rows; returns how many. */
  int update(String sql, @Nullable Object... values) throws SQLException;

  /** What one row of a query is. */
  interface Row<T> {
    @Nullable T of(ResultSet row) throws SQLException, IOException;
  }

  /** Changes rows and returns the first of them, or null. */
  <T> @Nullable T first(String sql, Row<T> row, @Nullable Object... values)
      throws SQLException, IOException;

  /** For what changes the schema. */
  void execute(String sql) throws SQLException;
}

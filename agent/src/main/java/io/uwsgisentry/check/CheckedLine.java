package io.uwsgisentry.check;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One option of a configuration, expanded.
 *
 * @param file where it stands, null if that could not be found out
 * @param number of the line from 1, 0 if unknown
 */
record CheckedLine(String key, String value, @Nullable Path file, int number) {
  /** {@code app.ini:12}, or empty. */
  String where() {
    return file == null ? "" : number > 0 ? file + ":" + number : file.toString();
  }
}

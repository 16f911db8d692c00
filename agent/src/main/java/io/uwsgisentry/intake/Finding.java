package io.uwsgisentry.intake;

import io.uwsgisentry.journal.Record;
import org.jspecify.annotations.Nullable;

/**
 * What was found in a journal file.
 *
 * @param record null where bytes were skipped
 * @param fault why no event can be made of it; null where nothing speaks against it
 * @param strangers so many records of another key are what was skipped
 * @param offset where it starts in the file
 * @param end where the next one starts
 */
record Finding(
    @Nullable Record record, @Nullable String fault, int strangers, long offset, long end) {
  Finding(@Nullable Record record, @Nullable String fault, long offset, long end) {
    this(record, fault, 0, offset, end);
  }

  long bytes() {
    return end - offset;
  }
}

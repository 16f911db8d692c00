package io.uwsgisentry.agent;

import io.uwsgisentry.journal.Record;
import org.jspecify.annotations.Nullable;

/**
 * What was found in a journal file.
 *
 * @param record null where bytes were skipped
 * @param fault why no event can be made of it; null where nothing speaks against it
 * @param offset where it starts in the file
 * @param end where the next one starts
 */
record Finding(@Nullable Record record, @Nullable String fault, long offset, long end) {
  long bytes() {
    return end - offset;
  }
}

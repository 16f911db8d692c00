/**
 * Reads what the plugin inside uWSGI wrote: records, sealed files, hand-over. The format is
 * specified in {@code docs/journal.md}.
 */
@NullMarked
package io.uwsgisentry.journal;

import org.jspecify.annotations.NullMarked;

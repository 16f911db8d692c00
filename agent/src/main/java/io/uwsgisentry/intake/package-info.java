/** The road from the journal to the outbox: batches, storms, their summaries. */
@NullMarked
package io.uwsgisentry.intake;

import org.jspecify.annotations.NullMarked;

/** What must still be sent, durable in SQLite. */
@NullMarked
package io.uwsgisentry.outbox;

import org.jspecify.annotations.NullMarked;

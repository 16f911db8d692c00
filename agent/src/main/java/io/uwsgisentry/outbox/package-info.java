/** What must still be sent, durable in SQLite, with its history and its counters. */
@NullMarked
package io.uwsgisentry.outbox;

import org.jspecify.annotations.NullMarked;

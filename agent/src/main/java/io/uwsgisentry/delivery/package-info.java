/** Sends, holds, retries, gives up: one lane a destination. */
@NullMarked
package io.uwsgisentry.delivery;

import org.jspecify.annotations.NullMarked;

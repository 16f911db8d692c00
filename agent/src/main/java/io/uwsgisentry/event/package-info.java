/** From a record to a Sentry event, one builder a kind. */
@NullMarked
package io.uwsgisentry.event;

import org.jspecify.annotations.NullMarked;

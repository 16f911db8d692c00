/** Start, stop, wiring. */
@NullMarked
package io.uwsgisentry.agent;

import org.jspecify.annotations.NullMarked;

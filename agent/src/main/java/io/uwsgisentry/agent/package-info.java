/** The agent's life: start, wiring, stop. */
@NullMarked
package io.uwsgisentry.agent;

import org.jspecify.annotations.NullMarked;

/** Counts equal faults. */
@NullMarked
package io.uwsgisentry.storm;

import org.jspecify.annotations.NullMarked;

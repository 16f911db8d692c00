/** What it costs, measured side by side with what one would otherwise use. */
@NullMarked
package io.uwsgisentry.bench;

import org.jspecify.annotations.NullMarked;

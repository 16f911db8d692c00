/** Servers that tests and benchmarks send to, and that misbehave on demand. */
@NullMarked
package io.uwsgisentry.testkit;

import org.jspecify.annotations.NullMarked;

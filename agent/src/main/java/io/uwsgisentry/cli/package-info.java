/** The commands. */
@NullMarked
package io.uwsgisentry.cli;

import org.jspecify.annotations.NullMarked;

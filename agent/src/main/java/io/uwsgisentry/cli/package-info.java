/** The commands that a person runs. */
@NullMarked
package io.uwsgisentry.cli;

import org.jspecify.annotations.NullMarked;

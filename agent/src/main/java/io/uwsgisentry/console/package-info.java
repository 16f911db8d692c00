/** How it looks to a person. */
@NullMarked
package io.uwsgisentry.console;

import org.jspecify.annotations.NullMarked;

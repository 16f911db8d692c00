/** Option strings, defaults, handlers, destination addresses, and what is wrong with them. */
@NullMarked
package io.uwsgisentry.settings;

import org.jspecify.annotations.NullMarked;

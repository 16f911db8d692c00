/** The option strings of handlers, their defaults, and destination addresses. */
@NullMarked
package io.uwsgisentry.settings;

import org.jspecify.annotations.NullMarked;

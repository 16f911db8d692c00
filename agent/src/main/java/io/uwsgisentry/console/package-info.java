/** How state and events look to a person: plain text and JSON. */
@NullMarked
package io.uwsgisentry.console;

import org.jspecify.annotations.NullMarked;

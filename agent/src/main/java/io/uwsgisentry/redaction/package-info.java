/** What must not leave the machine. */
@NullMarked
package io.uwsgisentry.redaction;

import org.jspecify.annotations.NullMarked;

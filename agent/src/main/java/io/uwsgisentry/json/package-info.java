/** JSON as plain values. */
@NullMarked
package io.uwsgisentry.json;

import org.jspecify.annotations.NullMarked;

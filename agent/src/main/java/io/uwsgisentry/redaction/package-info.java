@NullMarked
package io.uwsgisentry.redaction;

import org.jspecify.annotations.NullMarked;

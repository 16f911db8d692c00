@NullMarked
package io.uwsgisentry.intake;

import org.jspecify.annotations.NullMarked;

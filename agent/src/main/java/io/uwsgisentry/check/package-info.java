@NullMarked
package io.uwsgisentry.check;

import org.jspecify.annotations.NullMarked;

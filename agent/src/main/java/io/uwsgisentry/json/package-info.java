@NullMarked
package io.uwsgisentry.json;

import org.jspecify.annotations.NullMarked;

/** The log as the parts of the agent know it: a level and a text. */
@NullMarked
package io.uwsgisentry.log;

import org.jspecify.annotations.NullMarked;

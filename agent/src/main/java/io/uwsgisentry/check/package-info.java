/** What a configuration file says, and what is wrong in it. */
@NullMarked
package io.uwsgisentry.check;

import org.jspecify.annotations.NullMarked;

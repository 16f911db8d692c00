/** What is sent of an event: scrubbing of secrets and personal data. */
@NullMarked
package io.uwsgisentry.policy;

import org.jspecify.annotations.NullMarked;

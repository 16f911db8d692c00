/**
 * A real uWSGI with the real plugin, a real agent and a receiver in place of Sentry: what the whole
 * does, seen from outside.
 */
@NullMarked
package io.uwsgisentry.it;

import org.jspecify.annotations.NullMarked;

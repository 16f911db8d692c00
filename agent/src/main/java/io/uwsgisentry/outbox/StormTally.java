package io.uwsgisentry.outbox;

/**
 * How much folding goes on.
 *
 * @param occurrences that were counted and whose summary is still to come
 * @param storms in so many windows
 */
public record StormTally(long occurrences, long storms) {}

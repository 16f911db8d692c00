package io.uwsgisentry.outbox;

/**
 * How much there is of something.
 *
 * @param occurrences what the entries stand for; above {@code entries} where an event stands for
 *     several incidents
 * @param bytes of the events' JSON
 */
public record Tally(long entries, long occurrences, long bytes) {}

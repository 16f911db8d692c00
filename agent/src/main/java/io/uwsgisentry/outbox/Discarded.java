package io.uwsgisentry.outbox;

/**
 * What a server is to be told of as never sent.
 *
 * @param reason Sentry's word for it
 * @param category Sentry's data category, {@code error}
 * @param quantity of events
 */
public record Discarded(String reason, String category, long quantity) {}

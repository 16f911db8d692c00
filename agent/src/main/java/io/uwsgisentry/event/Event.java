package io.uwsgisentry.event;

import java.time.Instant;

/**
 * A Sentry event, ready to be put into an envelope.
 *
 * @param id 32 lower-case hex digits, the record's id
 * @param time when it happened
 * @param category of rate limits and client reports, {@code error}
 * @param level {@code fatal}, {@code error}, {@code warning}, {@code info} or {@code debug}
 * @param title one line for a person
 * @param payload the event's JSON, UTF-8, not to be changed
 */
public record Event(
    String id, Instant time, String category, String level, String title, byte[] payload) {}

package io.uwsgisentry.event;

import java.time.Instant;

/**
 * A Sentry event, ready to be stored and sent.
 *
 * @param id 32 lower-case hex digits, Sentry's {@code event_id}
 * @param time when it happened
 * @param category Sentry's data category, by which servers limit rates; {@code error} for every
 *     event
 * @param level Sentry's word: {@code fatal}, {@code error}, {@code warning}, {@code info} or {@code
 *     debug}
 * @param title one line for lists: the message, or {@code Type: value} of the exception
 * @param payload the event's JSON in UTF-8, at most {@link EventFactory#MAX_PAYLOAD} bytes; not to
 *     be changed
 */
public record Event(
    String id, Instant time, String category, String level, String title, byte[] payload) {
  /** The category of all events. */
  public static final String ERROR = "error";
}

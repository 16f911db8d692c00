package io.uwsgisentry.outbox;

import java.time.Duration;

/**
 * How much the outbox keeps of what it will not send (again). Bytes are those of the events' JSON;
 * the file is somewhat larger.
 *
 * @param historyAge delivered entries older than this go
 * @param historyBytes of delivered entries; the oldest go first
 * @param keptBytes of entries that are dead, undeliverable or local; the oldest go first and are
 *     counted
 */
public record Bounds(Duration historyAge, long historyBytes, long keptBytes) {
  public static final Bounds DEFAULT = new Bounds(Duration.ofDays(7), 50L << 20, 50L << 20);
}

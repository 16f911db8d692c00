package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.Route;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One event in the outbox, as it was at the moment of the query.
 *
 * @param id 32 lower-case hex digits: the record's id and Sentry's event id
 * @param destinationKey key of {@link io.uwsgisentry.settings.Destination.To}; null without a
 *     usable DSN
 * @param reach how the destination is reached
 * @param timeout for the connection, and again for the answer
 * @param category of rate limits and client reports, {@code error}
 * @param title one line for a person
 * @param instance the uWSGI instance, empty if only a brief record told of it and the handler was
 *     never seen
 * @param handler as its user wrote it, {@code alarm lqfull}; empty like {@code instance}
 * @param time when it happened
 * @param occurrences how many incidents it stands for, itself included
 * @param attempts how often it was sent; for a delivered one the try that succeeded is among them
 * @param denials how often a server turned it away (401, 403, 404) that took others
 * @param notBefore not to be sent earlier
 * @param lastError why it is where it is: the network's error, the server's answer, the DSN's
 *     fault; null if all went well
 * @param settled when it was delivered or given up
 * @param payload the event's JSON, UTF-8; for a record of which no event could be made the record's
 *     own bytes; empty where the query left it out
 */
public record Entry(
    String id,
    State state,
    @Nullable String destinationKey,
    @Nullable Dsn dsn,
    boolean verify,
    Route reach,
    Duration timeout,
    boolean debug,
    String category,
    String level,
    String title,
    String instance,
    String handler,
    Instant time,
    long occurrences,
    int attempts,
    int denials,
    @Nullable Instant notBefore,
    @Nullable String lastError,
    @Nullable Instant settled,
    byte[] payload) {

  /** Where it is to be sent; null without a usable DSN. */
  public Destination.@Nullable To to() {
    return dsn == null ? null : new Destination.To(dsn, verify, timeout, debug, reach);
  }
}

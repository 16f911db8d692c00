package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.Route;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The state of things for one destination.
 *
 * @param entries how many entries are in each state; states without entries are left out
 * @param oldestReady when the longest waiting entry happened
 * @param lastError the newest error among its entries that are not delivered
 * @param failing why the newest try of an entry that still waits failed; null if none failed
 * @param holds until when the server wants nothing of a category; the empty category is all of them
 * @param openCircuit what it said if its circuit is open: its ready entries wait
 */
public record DestinationTally(
    String key,
    Dsn dsn,
    boolean verify,
    Route reach,
    Map<State, Long> entries,
    @Nullable Instant oldestReady,
    @Nullable String lastError,
    @Nullable String failing,
    Map<String, Instant> holds,
    @Nullable OpenCircuit openCircuit) {}

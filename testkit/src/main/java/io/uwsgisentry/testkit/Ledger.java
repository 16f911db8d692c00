package io.uwsgisentry.testkit;

import io.uwsgisentry.testkit.Connection.Message;
import io.uwsgisentry.testkit.Receiver.Counts;
import io.uwsgisentry.testkit.Receiver.Keep;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What came to a receiver and what it answered. Its connections' threads write, a test's reads and
 * waits; one monitor orders them all and is told of every request and every answer.
 *
 * <p>A body is looked into before the monitor is taken: at the rates of a benchmark the threads
 * would else wait for each other and the receiver be what is measured.
 */
final class Ledger {
  private final Keep keep;

  // Guarded by this.
  private final List<Received> requests = new ArrayList<>();
  private final List<Received> accepted = new ArrayList<>();
  private final Set<String> ids = new LinkedHashSet<>();
  private final Map<Integer, Long> byStatus = new TreeMap<>();
  private long requestCount;
  private long acceptedCount;
  private int connections;
  private int inFlight;
  private int mostInFlight;

  Ledger(Keep keep) {
    this.keep = keep;
  }

  /** One more connection; returns its number, from 1. */
  synchronized int connected() {
    return ++connections;
  }

  /** A request came, and is in flight until {@link #answered} or {@link #over}. */
  synchronized Received arrived(Message message, int connection) {
    Received request =
        new Received(
            message.method(),
            message.path(),
            message.headers(),
            keep == Keep.ALL ? message.body() : new byte[0],
            connection,
            Instant.now());
    requestCount++;
    mostInFlight = Math.max(mostInFlight, ++inFlight);
    if (keep == Keep.ALL) {
      requests.add(request);
    }
    notifyAll();
    return request;
  }

  /**
   * That status is about to be answered. The request is in flight no more: whoever has the answer
   * may send the next one before the thread that gave it gets any further.
   */
  void answered(Received request, Message message, int status) {
    boolean good = status >= 200 && status < 300;
    String id = good && keep != Keep.COUNTS ? EventIds.of(message.headers(), message.body()) : null;
    record(request, good, status, id);
  }

  private synchronized void record(
      Received request, boolean good, int status, @Nullable String id) {
    inFlight--;
    byStatus.merge(status, 1L, Long::sum);
    if (good) {
      acceptedCount++;
      if (keep == Keep.ALL) {
        accepted.add(request);
      }
      if (id != null) {
        ids.add(id);
      }
    }
    notifyAll();
  }

  /** A request will not be answered. */
  synchronized void over() {
    inFlight--;
  }

  synchronized List<Received> requests() {
    return List.copyOf(requests);
  }

  synchronized List<Received> accepted() {
    return List.copyOf(accepted);
  }

  synchronized Set<String> eventIds() {
    return new LinkedHashSet<>(ids);
  }

  synchronized Counts counts() {
    return new Counts(requestCount, acceptedCount, ids.size(), new TreeMap<>(byStatus));
  }

  synchronized int connections() {
    return connections;
  }

  synchronized int mostInFlight() {
    return mostInFlight;
  }

  /** Forgets all but the connections and what is in flight. */
  synchronized void clear() {
    requests.clear();
    accepted.clear();
    ids.clear();
    byStatus.clear();
    requestCount = 0;
    acceptedCount = 0;
    mostInFlight = inFlight;
  }

  /** Waits until {@code n} different events were accepted; where no ids are kept, any events. */
  void awaitEvents(int n, Duration timeout) {
    await(n + " events", timeout, () -> (keep == Keep.COUNTS ? acceptedCount : ids.size()) >= n);
  }

  void awaitRequests(int n, Duration timeout) {
    await(n + " requests", timeout, () -> requestCount >= n);
  }

  private synchronized void await(String what, Duration timeout, BooleanSupplier reached) {
    long end = System.nanoTime() + timeout.toNanos();
    while (!reached.getAsBoolean()) {
      long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
      if (left <= 0) {
        throw new AssertionError("waited " + timeout + " for " + what + ", got " + counts());
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted while waiting for " + what, e);
      }
    }
  }
}

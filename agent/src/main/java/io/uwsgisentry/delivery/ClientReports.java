package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Discarded;
import io.uwsgisentry.outbox.Outbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tells each server what it did not get (develop.sentry.dev/sdk/telemetry/client-reports): reason,
 * category, quantity, in an envelope of their own, since an answer counts for a whole envelope.
 *
 * <p>The numbers stand in the outbox, counted with what was discarded in one transaction, and go
 * from there when the server has taken them. A report has no id by which a server could tell a
 * second copy: if the answer is lost, or the agent dies between the answer and the note of it, the
 * numbers are told again. Owned by the delivery thread.
 */
final class ClientReports {
  static final String CATEGORY = "client_report";

  /** Sentry takes at most 4 KiB, and a row at most some 90 bytes. */
  private static final int ROWS = 40;

  private static final int SELDOM = 15;

  private final Outbox outbox;
  private final Clock clock;
  private final long every;
  private final Map<String, Long> dueAt = new HashMap<>();
  private final Set<String> underWay = new HashSet<>();
  // How often in a row; a server that wants no reports is asked more and more seldom.
  private final Map<String, Integer> denied = new HashMap<>();
  private boolean hurried;

  ClientReports(Outbox outbox, Clock clock, RetryPolicy policy) {
    this.outbox = outbox;
    this.clock = clock;
    this.every = policy.reports().toNanos();
  }

  /** Destinations that there is something to tell; what is new collects for a while. */
  void waiting(List<String> keys, long nanos) {
    dueAt.keySet().retainAll(keys);
    denied.keySet().retainAll(keys);
    for (String key : keys) {
      dueAt.putIfAbsent(key, hurried ? nanos : nanos + every);
    }
  }

  /** A drain: what there is goes now. */
  void beginDrain(long nanos) {
    hurried = true;
    dueAt.replaceAll((key, at) -> nanos);
  }

  void endDrain() {
    hurried = false;
  }

  boolean due(String key, long nanos) {
    Long at = dueAt.get(key);
    return at != null && at - nanos <= 0 && !underWay.contains(key);
  }

  /** How long until something is due, {@link Long#MAX_VALUE} for never. */
  long idleFor(String key, long nanos) {
    Long at = dueAt.get(key);
    return at == null || underWay.contains(key) ? Long.MAX_VALUE : Math.max(0, at - nanos);
  }

  /** The report for a destination that one is due for; null if all was told by now. */
  Outgoing.@Nullable OfReport take(String key) throws IOException {
    List<Discarded> told = outbox.queue().unreported(key, ROWS);
    if (told.isEmpty()) {
      dueAt.remove(key);
      return null;
    }
    Outgoing.OfReport report =
        new Outgoing.OfReport(
            outbox.queue().destination(key), told, payload(told, clock.instant()));
    underWay.add(key);
    return report;
  }

  /**
   * It was answered, or not; the next one is due in a while, or when there is something new.
   *
   * @param wasDenied with 401, 403 or 404: the numbers are kept, the DSN may be fixed
   */
  void done(String key, boolean wasDenied, long nanos) {
    underWay.remove(key);
    int times = wasDenied ? denied.merge(key, 1, Integer::sum) : 0;
    if (!wasDenied) {
      denied.remove(key);
    }
    if (hurried) {
      dueAt.remove(key);
    } else {
      dueAt.replace(key, nanos + Math.min(every << Math.min(times, 8), every * SELDOM));
    }
  }

  static byte[] payload(List<Discarded> discarded, Instant now) {
    List<String> rows = new ArrayList<>();
    for (Discarded one : discarded) {
      rows.add(
          "{\"reason\":\"%s\",\"category\":\"%s\",\"quantity\":%d}"
              .formatted(word(one.reason()), word(one.category()), one.quantity()));
    }
    return ("{\"timestamp\":"
            + now.getEpochSecond()
            + ",\"discarded_events\":["
            + String.join(",", rows)
            + "]}")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Both are words of ours; a damaged database must not become damaged JSON. */
  private static String word(String text) {
    return text.replaceAll("[^a-z_]", "");
  }
}

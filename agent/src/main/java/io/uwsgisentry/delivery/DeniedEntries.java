package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Settlement;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The entries that a server has denied in this round (401, 403, 404), each for what is in it or for
 * the DSN: that is known once the server has accepted another one after them. Owned by the delivery
 * thread.
 */
final class DeniedEntries {
  /** So often an entry may be denied while others are accepted; one time more, and it is dead. */
  private static final int DENIALS_BEFORE_DEAD = 3;

  /**
   * @param before how often its server had denied it while it accepted others
   */
  private record Denial(String id, int before, String words) {}

  private final Map<String, Denial> ofThisRound = new LinkedHashMap<>();

  void add(Outgoing outgoing, String words) {
    ofThisRound.put(outgoing.id(), new Denial(outgoing.id(), outgoing.denials(), words));
  }

  /** A round begins anew, or has shown nothing. */
  void forget() {
    ofThisRound.clear();
  }

  /** The server took that one: what follows for the others, of which nothing is kept. */
  List<Settlement> butFor(String taken, Instant now) {
    ofThisRound.remove(taken);
    List<Settlement> certain =
        ofThisRound.values().stream().map(denial -> settlement(denial, now)).toList();
    ofThisRound.clear();
    return certain;
  }

  private static Settlement settlement(Denial denial, Instant now) {
    return denial.before() >= DENIALS_BEFORE_DEAD
        ? new Settlement.Dead(denial.id(), DiscardReason.SEND_ERROR, denial.words(), now)
        : new Settlement.Denied(denial.id());
  }
}

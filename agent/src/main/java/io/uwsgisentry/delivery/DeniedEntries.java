package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Settlement;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The entries that a server has turned away in this round (401, 403, 404), each for what is in it
 * or for the DSN: that is known once the server has taken another one after them. Owned by the
 * delivery thread.
 */
final class DeniedEntries {
  /** So often an entry may be turned away while others are taken, and one time more. */
  private static final int TURNED_AWAY = 3;

  /**
   * @param before how often its server had turned it away while it took others
   */
  private record Suspect(String id, int before, String words) {}

  private final Map<String, Suspect> ofThisRound = new LinkedHashMap<>();

  void add(Outgoing parcel, String words) {
    ofThisRound.put(parcel.id(), new Suspect(parcel.id(), parcel.denials(), words));
  }

  /** A round begins anew, or has shown nothing. */
  void forget() {
    ofThisRound.clear();
  }

  /** The server took that one: what follows for the others, of which nothing is kept. */
  List<Settlement> butFor(String taken, Instant now) {
    ofThisRound.remove(taken);
    List<Settlement> certain =
        ofThisRound.values().stream().map(suspect -> settlement(suspect, now)).toList();
    ofThisRound.clear();
    return certain;
  }

  private static Settlement settlement(Suspect suspect, Instant now) {
    return suspect.before() >= TURNED_AWAY
        ? new Settlement.Dead(suspect.id(), DiscardReason.SEND_ERROR, suspect.words(), now)
        : new Settlement.TurnedAway(suspect.id());
  }
}

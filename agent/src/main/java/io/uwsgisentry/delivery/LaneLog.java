package io.uwsgisentry.delivery;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.Settlement;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Logs what changes between the agent and a server, not how often: a lane that fails all night is
 * two lines, one when it starts and one when it ends. Owned by the delivery thread.
 */
final class LaneLog {
  private static final long QUIET = Duration.ofSeconds(10).toNanos();

  private static final long AN_HOUR = Duration.ofHours(1).toNanos();

  private record Trouble(String words, long since, boolean circuitOpen) {}

  private final Log log;
  private final Map<String, Trouble> troubles = new HashMap<>();
  private final Map<String, Long> lastRefusal = new HashMap<>();
  private final Map<String, Integer> unsaid = new HashMap<>();
  private long turnsSaid;

  LaneLog(Log log) {
    this.log = log;
  }

  /** A destination waits because the bound of requests under way is reached. */
  void takesTurns(int most, long nanos) {
    if (turnsSaid == 0 || nanos - turnsSaid > AN_HOUR) {
      turnsSaid = nanos;
      log.warn(
          "more destinations wait than "
              + most
              + " requests at once can serve, they take turns. If that lasts, raise"
              + " sentry-max-requests");
    }
  }

  void outcome(Lane.Ticket ticket, Outcome outcome, long nanos) {
    String key = ticket.lane().key();
    String server = ticket.outgoing().to().dsn().masked();
    if (outcome instanceof Outcome.Delivered) {
      Trouble over = troubles.remove(key);
      if (over != null) {
        long seconds = Duration.ofNanos(nanos - over.since()).toSeconds();
        log.info("delivery to " + server + " works again after " + seconds + " s");
      }
    } else if (outcome instanceof Outcome.Refused
        || outcome instanceof Outcome.Unsendable
        || (outcome instanceof Outcome.Denied && ticket.outgoing() instanceof Outgoing.OfReport)) {
      refused(ticket, server, outcome, nanos);
    } else if (outcome instanceof Outcome.TooLarge large) {
      if (large.smaller() == null) {
        refused(ticket, server, outcome, nanos);
      }
    } else if (outcome instanceof Outcome.Denied denied) {
      if (ticket.lane().openCircuit() != null) {
        denied(key, server, denied, nanos);
      }
    } else if (!troubles.containsKey(key)) {
      troubles.put(key, new Trouble(outcome.words(), nanos, false));
      if (outcome instanceof Outcome.Limited) {
        log.info("delivery to " + server + " waits as the server asks: " + outcome.words());
      } else {
        log.warn(
            "delivery to "
                + server
                + " fails, events are kept and retried; if that lasts, check the server, the network"
                + " and sentry-proxy: "
                + outcome.words());
      }
    }
  }

  private void denied(String key, String server, Outcome.Denied denied, long nanos) {
    Trouble known = troubles.get(key);
    if (known != null && known.circuitOpen()) {
      return;
    }
    troubles.put(key, new Trouble(denied.words(), known == null ? nanos : known.since(), true));
    log.warn(
        server
            + " rejected the DSN ("
            + denied.status()
            + "), sending is paused and events are kept: "
            + OpenCircuit.advice(denied.status())
            + ". It is retried at growing intervals, and at once after a reload of the server or"
            + " `uwsgi-sentry events retry --all`. It answered: "
            + denied.words());
  }

  /** It rejected that event each time, while it accepted others. */
  void givenUp(Lane.Ticket taken, Settlement.Dead dead, long nanos) {
    refused(
        taken.lane().key(),
        taken.outgoing().to().dsn().masked(),
        "event " + dead.id() + " each time while it accepted others; it is kept as dead: ",
        dead.answer(),
        nanos);
  }

  private void refused(Lane.Ticket ticket, String server, Outcome outcome, long nanos) {
    refused(
        ticket.lane().key(),
        server,
        ticket.outgoing() instanceof Outgoing.OfReport
            ? "a client report: "
            : "event " + ticket.outgoing().id() + ", which is kept as dead: ",
        outcome.words(),
        nanos);
  }

  private void refused(String key, String server, String what, String words, long nanos) {
    Long last = lastRefusal.get(key);
    if (last != null && nanos - last < QUIET) {
      unsaid.merge(key, 1, Integer::sum);
      return;
    }
    lastRefusal.put(key, nanos);
    Integer more = unsaid.remove(key);
    log.warn(
        server
            + " refused "
            + what
            + words
            + (more == null ? "" : " (and " + more + " more since the last such line)"));
  }

  /** The lane is gone, and so is what was said about it. */
  void forget(String key) {
    troubles.remove(key);
    lastRefusal.remove(key);
    unsaid.remove(key);
  }
}

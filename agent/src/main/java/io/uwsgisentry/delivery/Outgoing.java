package io.uwsgisentry.delivery;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.outbox.Discarded;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.settings.Destination;
import java.util.List;
import java.util.Objects;

/** What one envelope carries. */
sealed interface Outgoing {
  /** Tells parcels of a lane apart; an event's own id. */
  String id();

  /** By which servers limit rates. */
  String category();

  /** The item's JSON. */
  byte[] payload();

  /** How often it was sent in vain. */
  int attempts();

  /** How often its server turned it away while it took others. */
  default int denials() {
    return 0;
  }

  Destination.To to();

  /** An event of the outbox. */
  record OfEvent(Entry entry) implements Outgoing {
    @Override
    public String id() {
      return entry.id();
    }

    @Override
    public String category() {
      return entry.category();
    }

    @Override
    public byte[] payload() {
      return entry.payload();
    }

    @Override
    public int attempts() {
      return entry.attempts();
    }

    @Override
    public int denials() {
      return entry.denials();
    }

    @Override
    public Destination.To to() {
      return Objects.requireNonNull(entry.to(), "an entry without a DSN is not ready");
    }
  }

  /** An event that is in no outbox. */
  record OfTest(Event event, Destination.To to) implements Outgoing {
    @Override
    public String id() {
      return event.id();
    }

    @Override
    public String category() {
      return event.category();
    }

    @Override
    public byte[] payload() {
      return event.payload();
    }

    @Override
    public int attempts() {
      return 0;
    }
  }

  /** What was discarded of what the server should have got. */
  record OfReport(Destination.To to, List<Discarded> told, byte[] payload) implements Outgoing {
    @Override
    public String id() {
      return "client report";
    }

    /** No limit names it, so only one of everything holds it back. */
    @Override
    public String category() {
      return ClientReports.CATEGORY;
    }

    @Override
    public int attempts() {
      return 0;
    }
  }
}

package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.settings.Dsn;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** What is or would be sent for an entry, to be looked at. */
public final class Preview {
  private Preview() {}

  /**
   * The request as text, its body before compression; key and secret are masked wherever they
   * occur. Without a destination only the envelope.
   *
   * @param sentAt what the envelope tells as the time of sending
   */
  public static String of(Entry entry, Instant sentAt) {
    String envelope =
        new String(Envelopes.envelope(entry.id(), entry.payload(), sentAt), StandardCharsets.UTF_8);
    Dsn dsn = entry.dsn();
    if (dsn == null) {
      return envelope;
    }
    String auth =
        dsn.authHeader(Client.AGENT).replaceAll("sentry_(key|secret)=[^,]*", "sentry_$1=***");
    return ResponseText.masked(
        "POST "
            + dsn.envelopeUri()
            + "\nContent-Type: application/x-sentry-envelope\nContent-Encoding: gzip\nX-Sentry-Auth: "
            + auth
            + "\nUser-Agent: "
            + Client.AGENT
            + "\n\n"
            + envelope,
        dsn);
  }
}

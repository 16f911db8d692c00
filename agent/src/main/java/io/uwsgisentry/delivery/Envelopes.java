package io.uwsgisentry.delivery;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.settings.Dsn;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * Frames one event as an envelope (develop.sentry.dev/sdk/data-model/envelopes): a header line, the
 * item's header line, the payload.
 *
 * <p>It is done at the moment of sending, not of storing: {@code sent_at} must be the time of
 * sending, since Relay takes the difference to its own clock for the client's clock being wrong and
 * shifts every time in the event by it. One event an envelope, because an answer counts for all of
 * it and because Bugsink drops both of two.
 */
public final class Envelopes {
  private static final String NAME = "uwsgi-sentry";

  /** The version of the jar; {@code dev} when run from class files. */
  private static final String VERSION = version();

  /** For {@code User-Agent} and {@code sentry_client}. */
  static final String AGENT = NAME + "/" + VERSION;

  private Envelopes() {}

  /** The envelope as it is before compression. */
  static byte[] envelope(Outgoing outgoing, Instant sentAt) {
    return outgoing instanceof Outgoing.OfReport
        ? framed("", ClientReports.CATEGORY, "", outgoing.payload(), sentAt)
        : envelope(outgoing.id(), outgoing.payload(), sentAt);
  }

  /** An event's. */
  static byte[] envelope(String id, byte[] payload, Instant sentAt) {
    return framed(
        "\"event_id\":\"" + id + "\",",
        "event",
        ",\"content_type\":\"application/json\"",
        payload,
        sentAt);
  }

  private static byte[] framed(
      String id, String type, String more, byte[] payload, Instant sentAt) {
    byte[] headers =
        ("{"
                + id
                + "\"sent_at\":\""
                + sentAt.truncatedTo(ChronoUnit.MILLIS)
                + "\",\"sdk\":{\"name\":\""
                + NAME
                + "\",\"version\":\""
                + VERSION
                + "\"}}\n{\"type\":\""
                + type
                + "\",\"length\":"
                + payload.length
                + more
                + "}\n")
            .getBytes(StandardCharsets.UTF_8);
    byte[] envelope = new byte[headers.length + payload.length + 1];
    System.arraycopy(headers, 0, envelope, 0, headers.length);
    System.arraycopy(payload, 0, envelope, headers.length, payload.length);
    envelope[envelope.length - 1] = '\n';
    return envelope;
  }

  /**
   * The request as text, its body before compression; key and secret are masked wherever they
   * occur. Without a destination only the envelope.
   *
   * @param sentAt what the envelope tells as the time of sending
   */
  public static String preview(Entry entry, Instant sentAt) {
    String envelope =
        new String(envelope(entry.id(), entry.payload(), sentAt), StandardCharsets.UTF_8);
    Dsn dsn = entry.dsn();
    if (dsn == null) {
      return envelope;
    }
    String auth = dsn.authHeader(AGENT).replaceAll("sentry_(key|secret)=[^,]*", "sentry_$1=***");
    return ResponseText.masked(
        "POST "
            + dsn.envelopeUri()
            + "\nContent-Type: application/x-sentry-envelope\nContent-Encoding: gzip\nX-Sentry-Auth: "
            + auth
            + "\nUser-Agent: "
            + AGENT
            + "\n\n"
            + envelope,
        dsn);
  }

  private static String version() {
    String version = Envelopes.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }
}

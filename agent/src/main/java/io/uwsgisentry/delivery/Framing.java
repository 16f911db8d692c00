package io.uwsgisentry.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * Frames one event as an envelope (develop.sentry.dev/sdk/data-model/envelopes): a header line, the
 * item's header line, the payload.
 *
 * <p>It is done at the moment of sending, not of storing: {@code sent_at} must be the time of
 * sending, since Relay takes the difference to its own clock for the client's clock being wrong and
 * shifts every time in the event by it. One event an envelope, because an answer counts for all of
 * it and because Bugsink drops both of two.
 */
final class Framing {
  private Framing() {}

  /** The envelope as it is before compression. */
  static byte[] envelope(String id, byte[] payload, Instant sentAt) {
    byte[] headers =
        ("{\"event_id\":\""
                + id
                + "\",\"sent_at\":\""
                + sentAt.truncatedTo(ChronoUnit.MILLIS)
                + "\",\"sdk\":{\"name\":\""
                + Client.NAME
                + "\",\"version\":\""
                + Client.VERSION
                + "\"}}\n{\"type\":\"event\",\"length\":"
                + payload.length
                + ",\"content_type\":\"application/json\"}\n")
            .getBytes(StandardCharsets.UTF_8);
    byte[] envelope = new byte[headers.length + payload.length + 1];
    System.arraycopy(headers, 0, envelope, 0, headers.length);
    System.arraycopy(payload, 0, envelope, headers.length, payload.length);
    envelope[envelope.length - 1] = '\n';
    return envelope;
  }

  /** gzip, as it is the one compression that Relay, Bugsink and Spotlight all read alike. */
  static byte[] gzip(byte[] bytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(Math.max(512, bytes.length / 3));
    try (OutputStream gzip = new Gzip(out)) {
      gzip.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException("a buffer in memory cannot fail", e);
    }
    return out.toByteArray();
  }

  /** Level 1: half of the default's time for a tenth more bytes. */
  private static final class Gzip extends GZIPOutputStream {
    Gzip(OutputStream out) throws IOException {
      super(out);
      def.setLevel(Deflater.BEST_SPEED);
    }
  }
}

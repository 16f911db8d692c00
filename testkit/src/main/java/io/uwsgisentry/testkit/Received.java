package io.uwsgisentry.testkit;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * One request as it arrived.
 *
 * @param headers by lower-case name; of a repeated header the values are joined by {@code ", "}
 * @param body as sent, so still compressed where it was; empty if the receiver keeps no bodies
 * @param connection which connection it came on, counted from 1
 */
public record Received(
    String method,
    String path,
    Map<String, String> headers,
    byte[] body,
    int connection,
    Instant at) {

  /** The value of a header, whatever its case; null where there is none. */
  public @Nullable String header(String name) {
    return headers.get(name.toLowerCase(Locale.ROOT));
  }

  /** The body, decompressed if it was sent with gzip. */
  public byte[] content() {
    if (!"gzip".equals(header("content-encoding"))) {
      return body.clone();
    }
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(body))) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("body said to be gzip is not", e);
    }
  }

  /** The body read as an envelope. */
  public Envelope envelope() {
    return Envelope.parse(content());
  }
}

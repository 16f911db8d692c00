package io.uwsgisentry.settings;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;

/** Where a handler's events go. */
public sealed interface Destination {

  /**
   * A server to send to.
   *
   * @param verify whether its TLS certificate must be valid
   * @param timeout for the connection, and again for the answer
   * @param debug whether the full exchange is written to the agent's log, secrets masked
   * @param reach how it is reached
   */
  record To(Dsn dsn, boolean verify, Duration timeout, boolean debug, Route reach)
      implements Destination {
    /** Reached as is usual. */
    public To(Dsn dsn, boolean verify, Duration timeout, boolean debug) {
      this(dsn, verify, timeout, debug, Route.USUAL);
    }

    /**
     * What tells destinations apart: 16 hex digits of SHA-256 over the DSN, secret included, {@code
     * verify}, and how it is reached. Handlers that differ in the rest share a lane.
     */
    public String key() {
      try {
        byte[] digest =
            MessageDigest.getInstance("SHA-256")
                .digest(
                    (dsn.full() + (verify ? "\nverify" : "\nno_verify") + reach.distinction())
                        .getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest, 0, 8);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java has SHA-256", e);
      }
    }
  }

  /** No DSN is configured at all: the event is kept on this machine and shown there. */
  record None() implements Destination {}

  /**
   * There is a DSN, but nothing can be sent to it.
   *
   * @param fault one sentence: what is wrong and what to write instead, without key and secret
   */
  record Malformed(String fault) implements Destination {}
}

package io.uwsgisentry.delivery;

import io.uwsgisentry.settings.Dsn;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * Makes one line that may be stored and shown out of what a server said: bounded, printable,
 * without our key and secret.
 */
final class ResponseText {
  private static final int MOST = 500;

  /** Shorter keys are test names such as "public", which would be cut out of ordinary words. */
  private static final int SHORTEST_KEY = 8;

  private ResponseText() {}

  /**
   * {@code 403: bad DSN; {"detail":"…"}}: the status, {@code X-Sentry-Error}, the start of the
   * body.
   */
  static String of(Response response, Dsn dsn) {
    String error = Objects.requireNonNullElse(response.header("X-Sentry-Error"), "").strip();
    String body = body(response);
    String location = Objects.requireNonNullElse(response.header("Location"), "");
    StringBuilder words = new StringBuilder().append(response.status());
    String separator = ": ";
    if (!error.isEmpty() && !body.contains(error)) {
      words.append(separator).append(error);
      separator = "; ";
    }
    if (!location.isEmpty()) {
      words.append(separator).append("to ").append(location);
      separator = "; ";
    }
    if (!body.isEmpty()) {
      words.append(separator).append(body);
    }
    return clean(words.toString(), dsn);
  }

  private static String body(Response response) {
    String encoding = Objects.requireNonNullElse(response.header("Content-Encoding"), "identity");
    if (!encoding.equals("identity")) {
      return response.body().length == 0 ? "" : "(a body in " + encoding + ")";
    }
    return new String(response.body(), StandardCharsets.UTF_8).strip();
  }

  static String clean(String text, Dsn dsn) {
    String line = masked(text, dsn).replaceAll("[\\p{Cntrl}\\p{Cf}\\s]+", " ").strip();
    if (line.length() <= MOST) {
      return line;
    }
    int end = Character.isHighSurrogate(line.charAt(MOST - 1)) ? MOST - 1 : MOST;
    return line.substring(0, end) + "…";
  }

  /** The text without our key and secret; a server may well quote them. */
  static String masked(String text, Dsn dsn) {
    String masked = text;
    if (dsn.secretKey() != null) {
      masked = masked.replace(dsn.secretKey(), "***");
    }
    if (dsn.publicKey().length() >= SHORTEST_KEY) {
      masked = masked.replace(dsn.publicKey(), dsn.publicKey().substring(0, 4) + "***");
    }
    return masked;
  }
}

package io.uwsgisentry.delivery;

import io.uwsgisentry.settings.Dsn;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpRequest;

/**
 * The full exchange with a {@code debug} destination, for the log. Key and secret are masked
 * wherever they occur.
 */
final class DebugTranscript {
  private final Dsn dsn;
  private final StringBuilder text = new StringBuilder();

  DebugTranscript(Dsn dsn) {
    this.dsn = dsn;
  }

  /**
   * @param envelope the body before compression
   */
  void request(HttpRequest request, byte[] envelope) {
    text.append("debug: exchange with ").append(dsn.masked()).append('\n');
    text.append("> ").append(request.getMethod()).append(' ').append(dsn.envelopeUri());
    text.append('\n');
    headers("> ", List.of(request.getHeaders()));
    lines("> ", new String(envelope, StandardCharsets.UTF_8));
  }

  void response(Response response) {
    text.append("< ").append(response.status()).append('\n');
    headers("< ", response.headers());
    lines("< ", new String(response.body(), StandardCharsets.UTF_8));
  }

  /** All of it, closed by what came of it. */
  String ending(Outcome outcome) {
    text.append("= ").append(outcome.getClass().getSimpleName()).append(": ");
    text.append(outcome.words());
    return ResponseText.masked(text.toString(), dsn);
  }

  private void headers(String mark, List<Header> headers) {
    headers.stream()
        .sorted(Comparator.comparing(header -> header.getName().toLowerCase(Locale.ROOT)))
        .forEach(
            header ->
                text.append(mark)
                    .append(header.getName())
                    .append(": ")
                    .append(shown(header.getName(), String.valueOf(header.getValue())))
                    .append('\n'));
  }

  /** A key too short to be found in free text is still masked where it is known to stand. */
  private static String shown(String name, String value) {
    return name.equalsIgnoreCase("X-Sentry-Auth")
        ? value.replaceAll("sentry_(key|secret)=[^,]*", "sentry_$1=***")
        : name.equalsIgnoreCase("Proxy-Authorization") ? "***" : value;
  }

  private void lines(String mark, String lines) {
    lines.lines().forEach(line -> text.append(mark).append(line).append('\n'));
  }
}

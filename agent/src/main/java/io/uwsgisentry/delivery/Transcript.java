package io.uwsgisentry.delivery;

import io.uwsgisentry.settings.Dsn;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The full exchange with a {@code debug} destination, for the log. Key and secret are masked
 * wherever they occur.
 */
final class Transcript {
  private final Dsn dsn;
  private final StringBuilder text = new StringBuilder();

  Transcript(Dsn dsn) {
    this.dsn = dsn;
  }

  /**
   * @param envelope the body before compression
   */
  void request(HttpRequest request, byte[] envelope) {
    text.append("debug: exchange with ").append(dsn.masked()).append('\n');
    text.append("> ").append(request.method()).append(' ').append(request.uri()).append('\n');
    headers("> ", request.headers());
    lines("> ", new String(envelope, StandardCharsets.UTF_8));
  }

  void response(Answer response) {
    text.append("< ").append(response.status()).append('\n');
    headers("< ", response.headers());
    lines("< ", new String(response.body(), StandardCharsets.UTF_8));
  }

  /** All of it, closed by what came of it. */
  String ending(Outcome outcome) {
    text.append("= ").append(outcome.getClass().getSimpleName()).append(": ");
    text.append(outcome.words());
    return Words.masked(text.toString(), dsn);
  }

  private void headers(String mark, HttpHeaders headers) {
    for (Map.Entry<String, List<String>> header : new TreeMap<>(headers.map()).entrySet()) {
      for (String value : header.getValue()) {
        text.append(mark).append(header.getKey()).append(": ");
        // A key too short to be found in free text is still masked where it is known to stand.
        text.append(
                header.getKey().equalsIgnoreCase("X-Sentry-Auth")
                    ? value.replaceAll("sentry_(key|secret)=[^,]*", "sentry_$1=***")
                    : header.getKey().equalsIgnoreCase("Proxy-Authorization") ? "***" : value)
            .append('\n');
      }
    }
  }

  private void lines(String mark, String lines) {
    lines.lines().forEach(line -> text.append(mark).append(line).append('\n'));
  }
}

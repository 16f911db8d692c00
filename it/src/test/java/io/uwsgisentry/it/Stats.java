package io.uwsgisentry.it;

import io.uwsgisentry.testkit.Json;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What uWSGI's master tells of its workers on its stats socket at one moment.
 *
 * <p>Requests are counted by core, each by the one thread that serves it. The sums that uWSGI has
 * of them are not exact: workers add to them all at once, and the master puts them right once a
 * second.
 */
record Stats(Map<String, Object> all) {
  /**
   * @throws IOException also while there is nobody to ask: workers answer before the master opens
   *     the socket
   */
  static Stats of(Path socket) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      byte[] answer = Channels.newInputStream(channel).readAllBytes();
      return new Stats(Json.object(new String(answer, StandardCharsets.UTF_8)));
    }
  }

  /** How many requests are under way. */
  long inRequest() {
    return sum("in_request");
  }

  /** How many requests were answered since the server started, reloads and respawns included. */
  long served() {
    return sum("requests");
  }

  private long sum(String number) {
    return list(all.get("workers")).stream()
        .flatMap(worker -> list(worker.get("cores")).stream())
        .flatMap(core -> Stream.ofNullable((Long) core.get(number)))
        .mapToLong(Long::longValue)
        .sum();
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> list(Object value) {
    return (List<Map<String, Object>>) value;
  }
}

package io.uwsgisentry.bench;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/**
 * A server in place of Sentry that takes everything at once and counts: events, what they stand
 * for, and what client reports say was lost.
 */
final class Sink implements AutoCloseable {
  private static final Pattern TYPE = Pattern.compile("\"type\"\\s*:\\s*\"([a-z_]+)\"");
  private static final Pattern LENGTH = Pattern.compile("\"length\"\\s*:\\s*([0-9]+)");
  private static final Pattern OCCURRENCES = Pattern.compile("\"occurrences\":([0-9]+)");
  private static final Pattern DISCARDED = Pattern.compile("\\{[^{}]*\"reason\"[^{}]*\\}");
  private static final Pattern REASON = Pattern.compile("\"reason\"\\s*:\\s*\"([a-z_]+)\"");
  private static final Pattern CATEGORY = Pattern.compile("\"category\"\\s*:\\s*\"error\"");
  private static final Pattern QUANTITY = Pattern.compile("\"quantity\"\\s*:\\s*([0-9]+)");

  private final HttpServer server;
  private final ExecutorService threads = Executors.newFixedThreadPool(8);
  private final Map<String, Long> lost = new TreeMap<>();
  private long events;
  private long occurrences;

  Sink() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 128);
    server.createContext("/", this::take);
    server.setExecutor(threads);
    server.start();
  }

  String dsn() {
    return "http://public@127.0.0.1:" + server.getAddress().getPort() + "/1";
  }

  synchronized long events() {
    return events;
  }

  /** What the events stand for: 1, or what one says of itself. */
  synchronized long occurrences() {
    return occurrences;
  }

  /** What client reports say was lost, by reason. */
  synchronized Map<String, Long> lost() {
    return new TreeMap<>(lost);
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      if ("gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"))) {
        try (InputStream plain = new GZIPInputStream(new ByteArrayInputStream(body))) {
          body = plain.readAllBytes();
        }
      }
      count(body);
      byte[] answer = "{}".getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
    }
  }

  private synchronized void count(byte[] body) {
    int at = lineEnd(body, 0) + 1;
    while (at < body.length) {
      int end = lineEnd(body, at);
      String header = new String(body, at, end - at, StandardCharsets.UTF_8);
      Matcher length = LENGTH.matcher(header);
      int from = end + 1;
      int to = length.find() ? from + Integer.parseInt(length.group(1)) : lineEnd(body, from);
      to = Math.min(to, body.length);
      Matcher type = TYPE.matcher(header);
      String text = from < to ? new String(body, from, to - from, StandardCharsets.UTF_8) : "";
      if (type.find() && type.group(1).equals("event")) {
        Matcher many = OCCURRENCES.matcher(text);
        events++;
        occurrences += many.find() ? Long.parseLong(many.group(1)) : 1;
      } else if (header.contains("client_report")) {
        report(text);
      }
      at = to + 1;
    }
  }

  private void report(String text) {
    Matcher one = DISCARDED.matcher(text);
    while (one.find()) {
      Matcher reason = REASON.matcher(one.group());
      Matcher quantity = QUANTITY.matcher(one.group());
      if (CATEGORY.matcher(one.group()).find() && reason.find() && quantity.find()) {
        lost.merge(reason.group(1), Long.parseLong(quantity.group(1)), Long::sum);
      }
    }
  }

  private static int lineEnd(byte[] body, int from) {
    int at = from;
    while (at < body.length && body[at] != '\n') {
      at++;
    }
    return at;
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}

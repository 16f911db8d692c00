package io.uwsgisentry.testkit;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * HTTP/1.1 on one accepted connection, owned by one thread: just enough for the clients of tests
 * and benchmarks, with one read and one write a request, so that the receiver is not what a
 * benchmark measures.
 */
final class Connection {
  /** What the client asked for, before the receiver decides what to keep of it. */
  record Message(String method, String path, Map<String, String> headers, byte[] body) {
    boolean wantsClose() {
      return "close".equalsIgnoreCase(headers.get("connection"));
    }
  }

  private static final int MAX_HEAD = 64 * 1024;

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private byte[] buffer = new byte[16 * 1024];
  private int start;
  private int end;

  Connection(Socket socket) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
  }

  /** The next request, or null if the client closed. */
  @Nullable Message read() throws IOException {
    int head = head();
    if (head < 0) {
      return null;
    }
    String[] lines =
        new String(buffer, start, head - start, StandardCharsets.ISO_8859_1).split("\r\n");
    start = head + 4;
    String[] first = lines[0].split(" ");
    if (first.length != 3) {
      throw new IOException("not a request line: " + lines[0]);
    }
    Map<String, String> headers = new LinkedHashMap<>();
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      if (colon < 1) {
        throw new IOException("not a header: " + lines[i]);
      }
      headers.merge(
          lines[i].substring(0, colon).toLowerCase(Locale.ROOT),
          lines[i].substring(colon + 1).strip(),
          (a, b) -> a + ", " + b);
    }
    if ("100-continue".equalsIgnoreCase(headers.get("expect"))) {
      out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
    }
    byte[] body =
        "chunked".equalsIgnoreCase(headers.get("transfer-encoding"))
            ? chunks()
            : take(Integer.parseInt(headers.getOrDefault("content-length", "0")));
    return new Message(first[0], first[1], headers, body);
  }

  void answer(Behaviour.Answer answer, boolean close) throws IOException {
    StringBuilder head = new StringBuilder(160);
    head.append("HTTP/1.1 ").append(answer.status()).append(" Status\r\n");
    answer.headers().forEach((k, v) -> head.append(k).append(": ").append(v).append("\r\n"));
    if (close) {
      head.append("Connection: close\r\n");
    }
    head.append("Content-Length: ").append(answer.body().length).append("\r\n\r\n");
    byte[] bytes = head.toString().getBytes(StandardCharsets.UTF_8);
    byte[] all = Arrays.copyOf(bytes, bytes.length + answer.body().length);
    System.arraycopy(answer.body(), 0, all, bytes.length, answer.body().length);
    out.write(all);
    out.flush();
  }

  /** Returns when the client closed its side or the receiver was closed. */
  void awaitHangup() throws IOException {
    start = end = 0;
    while (in.read(buffer) >= 0) {}
  }

  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  /**
   * Where the head's closing empty line starts, after reading so far; -1 at the end of the stream.
   */
  private int head() throws IOException {
    int from = start;
    while (true) {
      for (int i = from; i + 3 < end; i++) {
        if (buffer[i] == '\r'
            && buffer[i + 1] == '\n'
            && buffer[i + 2] == '\r'
            && buffer[i + 3] == '\n') {
          return i;
        }
      }
      int scanned = Math.max(0, end - start - 3);
      if (end - start > MAX_HEAD) {
        throw new IOException("head too long");
      }
      if (!fill()) {
        return -1;
      }
      from = start + scanned;
    }
  }

  private byte[] chunks() throws IOException {
    byte[] body = new byte[0];
    while (true) {
      String line = line();
      byte[] chunk = take(Integer.parseInt(line.split(";")[0].strip(), 16));
      line();
      if (chunk.length == 0) {
        return body;
      }
      int had = body.length;
      body = Arrays.copyOf(body, had + chunk.length);
      System.arraycopy(chunk, 0, body, had, chunk.length);
    }
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      char c = (char) take(1)[0];
      if (c == '\n') {
        return line.toString().strip();
      }
      line.append(c);
    }
  }

  private byte[] take(int length) throws IOException {
    byte[] taken = new byte[length];
    int had = Math.min(length, end - start);
    System.arraycopy(buffer, start, taken, 0, had);
    start += had;
    if (in.readNBytes(taken, had, length - had) < length - had) {
      throw new EOFException("body cut");
    }
    return taken;
  }

  private boolean fill() throws IOException {
    if (start > 0) {
      System.arraycopy(buffer, start, buffer, 0, end - start);
      end -= start;
      start = 0;
    }
    if (end == buffer.length) {
      buffer = Arrays.copyOf(buffer, buffer.length * 2);
    }
    int n = in.read(buffer, end, buffer.length - end);
    end += Math.max(0, n);
    return n >= 0;
  }
}

package io.uwsgisentry.it;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;

/**
 * Requests as bytes on a socket, because half of the tests send what no HTTP client would. uWSGI's
 * {@code http-socket} closes the connection after each answer.
 */
final class Http {
  private Http() {}

  /** What came back: status 0 if the connection ended without a status line. */
  record Response(int status, String body) {}

  static Response get(int port, String path) throws IOException {
    return request(port, "GET", path);
  }

  /** Sends a request without a body; each header is a whole line. */
  static Response request(int port, String method, String path, String... headers)
      throws IOException {
    StringBuilder text = new StringBuilder(method).append(' ').append(path).append(" HTTP/1.1\r\n");
    text.append("Host: localhost\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    return raw(port, text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Sends these bytes and reads until the server closes. */
  static Response raw(int port, byte[] request) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
          (int) Patience.LONG.toMillis());
      socket.setSoTimeout((int) Patience.LONG.toMillis());
      socket.getOutputStream().write(request);
      return parse(new String(readAll(socket), StandardCharsets.ISO_8859_1));
    }
  }

  /** Asks for a page, reads the first bytes of the answer and resets the connection. */
  static void leave(int port, String path) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
          (int) Patience.LONG.toMillis());
      socket.setSoTimeout((int) Patience.LONG.toMillis());
      socket.setSoLinger(true, 0);
      String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      if (socket.getInputStream().readNBytes(100).length < 100) {
        throw new IOException("the server left first");
      }
    }
  }

  /** Sends half of a body and closes the connection. */
  static void leaveInTheBody(int port, String path) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket
          .getOutputStream()
          .write(
              ("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")
                  .getBytes(StandardCharsets.ISO_8859_1));
    }
  }

  /**
   * How many connections to a server on this port it has not closed yet, those among them that it
   * has not accepted yet, and those that the client has left.
   */
  static long openConnections(int port) throws IOException {
    return sockets(port, Set.of("01", "03", "08"));
  }

  /** Whether a process has this port of the loopback address. */
  static boolean listens(int port) throws IOException {
    return sockets(port, Set.of("0A")) > 0;
  }

  /**
   * {@code states} as the kernel numbers them: 1 established, 3 being made, 8 left, A listening.
   */
  private static long sockets(int port, Set<String> states) throws IOException {
    String local = "0100007F:%04X".formatted(port);
    // Columns: number, local address, remote address, state.
    return Files.readAllLines(Path.of("/proc/net/tcp")).stream()
        .map(line -> line.trim().split("\\s+"))
        .filter(columns -> columns[1].equals(local) && states.contains(columns[3]))
        .count();
  }

  private static byte[] readAll(Socket socket) throws IOException {
    java.io.ByteArrayOutputStream answer = new java.io.ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    try {
      for (int n; (n = socket.getInputStream().read(buffer)) >= 0; ) {
        answer.write(buffer, 0, n);
      }
    } catch (java.net.SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      // A reset: the worker died. What came before it is the answer.
      return answer.toByteArray();
    }
    return answer.toByteArray();
  }

  private static Response parse(String answer) {
    if (!answer.startsWith("HTTP/1.")) {
      return new Response(0, answer);
    }
    int end = answer.indexOf("\r\n\r\n");
    String body = end < 0 ? "" : answer.substring(end + 4);
    return new Response(Integer.parseInt(answer.substring(9, 12)), body);
  }
}

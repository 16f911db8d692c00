package io.uwsgisentry.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server that reads a request and then does to the connection whatever a test wants. */
final class OddServer implements AutoCloseable {
  private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)");

  /** What is done to a connection. */
  interface Deed {
    void on(Socket connection, OutputStream out) throws Exception;
  }

  private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Deed deed;
  private final Thread listener = new Thread(this::accept, "odd-server");
  final AtomicInteger requests = new AtomicInteger();

  /** Reads a request first, always. */
  OddServer(Deed deed) throws IOException {
    this.deed = deed;
    listener.setDaemon(true);
    listener.start();
  }

  /** Sends these characters and leaves the connection open. */
  static OddServer saying(String answer) throws IOException {
    return new OddServer((connection, out) -> say(out, answer));
  }

  static void say(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
  }

  String dsn() {
    return "http://public@127.0.0.1:" + server.getLocalPort() + "/1";
  }

  int port() {
    return server.getLocalPort();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket connection = server.accept();
        open.add(connection);
        Thread thread = new Thread(() -> serve(connection), "odd-connection");
        thread.setDaemon(true);
        thread.start();
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket connection) {
    try {
      connection.setTcpNoDelay(true);
      read(connection.getInputStream());
      requests.incrementAndGet();
      deed.on(connection, connection.getOutputStream());
    } catch (Exception e) {
      // The client may well have had enough; the test sees what it made of it.
    }
  }

  static void read(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int b = in.read();
      if (b < 0) {
        throw new IOException("hung up");
      }
      head.write(b);
    }
    Matcher length = LENGTH.matcher(head.toString(StandardCharsets.ISO_8859_1));
    if (length.find()) {
      in.readNBytes(Integer.parseInt(length.group(1)));
    }
  }

  @Override
  public void close() throws IOException, InterruptedException {
    server.close();
    // The kernel goes on listening until the thread has left the call that waits there.
    listener.join();
    for (Socket connection : open) {
      connection.close();
    }
  }
}

package io.uwsgisentry.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP proxy, as small as one can be: CONNECT and absolute addresses; leads all to this machine.
 */
final class ForwardProxy implements AutoCloseable {
  private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final Thread listener;
  private final @Nullable String authorization;

  /** The heads of the requests that came. */
  final Queue<String> heads = new ConcurrentLinkedQueue<>();

  /**
   * @param authorization the value of the header that it wants, null for none
   */
  ForwardProxy(@Nullable String authorization) throws IOException {
    this.authorization = authorization;
    listener = spawn(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  List<String> requestLines() {
    return heads.stream().map(head -> head.substring(0, head.indexOf('\r'))).toList();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        spawn(() -> serve(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      InputStream in = client.getInputStream();
      String head = head(in);
      heads.add(head);
      OutputStream out = client.getOutputStream();
      if (authorization != null
          && !head.toLowerCase(Locale.ROOT)
              .contains("proxy-authorization: " + authorization.toLowerCase(Locale.ROOT))) {
        out.write(
            "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"
                .getBytes(StandardCharsets.US_ASCII));
        return;
      }
      String target = head.split(" ", 3)[1];
      boolean tunnel = head.startsWith("CONNECT ");
      String authority = tunnel ? target : URI.create(target).getAuthority();
      int port = Integer.parseInt(authority.substring(authority.lastIndexOf(':') + 1));
      try (Socket upstream = new Socket(InetAddress.getLoopbackAddress(), port)) {
        if (tunnel) {
          out.write("HTTP/1.1 200 ok\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        } else {
          String path = URI.create(target).getRawPath();
          upstream
              .getOutputStream()
              .write(
                  head.replaceFirst(java.util.regex.Pattern.quote(target), path)
                      .getBytes(StandardCharsets.ISO_8859_1));
        }
        spawn(() -> pipe(in, upstream));
        upstream.getInputStream().transferTo(out);
      }
    } catch (IOException e) {
      // Whoever misses something will say so.
    }
  }

  private static void pipe(InputStream in, Socket to) {
    try {
      in.transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException e) {
      // As above.
    }
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int b = in.read();
      if (b < 0) {
        throw new IOException("hung up");
      }
      head.write(b);
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  private static Thread spawn(Runnable work) {
    Thread thread = new Thread(work, "proxy");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  @Override
  public void close() throws IOException, InterruptedException {
    server.close();
    // The kernel goes on listening until the thread has left the call that waits there.
    listener.join();
  }
}

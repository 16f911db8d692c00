package io.uwsgisentry.delivery;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import javax.net.ssl.SSLSocket;
import org.apache.hc.client5.http.impl.io.DefaultManagedHttpClientConnection;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.SocketHolder;
import org.apache.hc.core5.util.Timeout;

/**
 * A connection, with bounds for what a server may send, that can be asked without waiting whether
 * something came that nobody asked for.
 */
final class Line extends DefaultManagedHttpClientConnection {
  /** Of a line of the answer's head, and of what is gathered for one write. */
  private static final int BYTES = 8 * 1024;

  private static final int HEADERS = 64;

  private static final Http1Config BOUNDS =
      Http1Config.custom()
          .setBufferSize(BYTES)
          // Head and body of a request leave in one write.
          .setChunkSizeHint(BYTES)
          .setMaxLineLength(BYTES)
          .setMaxHeaderCount(HEADERS)
          .build();

  /** Both are its own thread's. */
  private boolean peeking;

  private boolean ended;

  Line() {
    super("", null, null, BOUNDS, null, null, null, null);
  }

  @Override
  public void bind(Socket socket) throws IOException {
    bind(new Peeking(socket));
  }

  @Override
  public void bind(SSLSocket tls, Socket socket) throws IOException {
    bind(new Peeking(tls, socket));
  }

  /**
   * Whether the server has sent more than its last answer: that would pass for the answer to the
   * next request.
   */
  boolean holdsMore() throws IOException {
    peeking = true;
    try {
      return isDataAvailable(Timeout.ofMilliseconds(1));
    } finally {
      peeking = false;
    }
  }

  /**
   * Whether the server has closed its side, as far as was read. The parser takes that for the end
   * of the headers, wherever they break off; but who reads whole ones does not read on to it.
   */
  boolean hasEnded() {
    return ended;
  }

  private final class Peeking extends SocketHolder {
    Peeking(Socket socket) {
      super(socket);
    }

    Peeking(SSLSocket tls, Socket socket) {
      super(tls, socket);
    }

    @Override
    protected InputStream getInputStream(Socket socket) throws IOException {
      InputStream raw = getBaseSocket().getInputStream();
      return new FilterInputStream(socket.getInputStream()) {
        @Override
        public int read(byte[] bytes, int start, int most) throws IOException {
          if (peeking && raw.available() == 0 && in.available() == 0) {
            throw new SocketTimeoutException("nothing is there");
          }
          int n = in.read(bytes, start, most);
          ended |= n < 0;
          return n;
        }
      };
    }
  }
}

package io.uwsgisentry.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.util.Timeout;

/**
 * The body of an answer, as far as it is worth it: so many bytes and so much time, then what is
 * there has to do. Status and headers already say what to do; so a body that drips, breaks off or
 * never ends must neither hold a thread nor turn an accepted event into one that is sent again.
 *
 * @param complete whether it ended where its headers say, so that its connection can be used again
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record ResponseBody(byte[] bytes, boolean complete) {
  static final int MOST_BYTES = 16 * 1024;

  static final Duration LONGEST = Duration.ofSeconds(1);

  static final ResponseBody NONE = new ResponseBody(new byte[0], true);

  /** Reads from that connection; the time that one read may wait shrinks with what is left. */
  static ResponseBody read(InputStream in, HttpClientConnection connection) {
    long end = System.nanoTime() + LONGEST.toNanos();
    return read(
        in,
        () -> {
          long left = (end - System.nanoTime()) / 1_000_000;
          connection.setSocketTimeout(Timeout.ofMilliseconds(Math.max(1, left)));
          return left > 0;
        });
  }

  /** Allows a read, or not. */
  interface Leave {
    boolean toRead();
  }

  static ResponseBody read(InputStream in, Leave leave) {
    ByteArrayOutputStream taken = new ByteArrayOutputStream(256);
    byte[] buffer = new byte[1024];
    try {
      while (taken.size() < MOST_BYTES && leave.toRead()) {
        int n = in.read(buffer, 0, Math.min(buffer.length, MOST_BYTES - taken.size()));
        if (n < 0) {
          return new ResponseBody(taken.toByteArray(), true);
        }
        taken.write(buffer, 0, n);
      }
    } catch (IOException e) {
      // What came is all there is.
    }
    return new ResponseBody(taken.toByteArray(), false);
  }
}

package io.uwsgisentry.cli;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** Standard output that remembers why a write failed, which a {@link PrintWriter} swallows. */
final class Output extends PrintWriter {
  private final Remembering bytes;

  Output(OutputStream out) {
    this(new Remembering(out));
  }

  private Output(Remembering bytes) {
    super(new BufferedOutputStream(bytes), true, StandardCharsets.UTF_8);
    this.bytes = bytes;
  }

  /**
   * Why the output is not complete; empty if it is, or if the reader wanted no more of it ({@code
   * uwsgi-sentry events | head}).
   */
  String fault() {
    flush();
    return bytes.fault.contains("Broken pipe") ? "" : bytes.fault;
  }

  private static final class Remembering extends FilterOutputStream {
    private String fault = "";

    Remembering(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      try {
        out.write(bytes, from, length);
      } catch (IOException e) {
        fault = String.valueOf(e.getMessage());
        throw e;
      }
    }
  }
}

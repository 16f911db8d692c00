package io.uwsgisentry.journal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * A journal file of any bytes. The first byte says how many of the pieces that follow, each of a
 * length byte and so many bytes, are given a head and a CRC as the plugin would have: without that
 * no mutation would ever get beyond the check.
 */
public final class RecordReaderFuzz {
  private static final byte[] KEY = new byte[Layout.KEY_BYTES];
  private static final Path FILE = file();

  private RecordReaderFuzz() {}

  private static Path file() {
    try {
      Path file = Files.createTempFile("fuzz", ".journal");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    byte[] bytes = sealed(data);
    try (FileChannel channel =
        FileChannel.open(
            FILE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      channel.write(ByteBuffer.wrap(bytes));
      // A small buffer: records beyond its size are read in another way.
      walk(new RecordReader(channel, new Keys(KEY), 0, 128), bytes);
      walk(new RecordReader(channel, KEY, data.length == 0 ? 0 : data[0] & 0xff), bytes);
    }
  }

  private static void walk(RecordReader reader, byte[] bytes) throws IOException {
    long at = reader.position();
    while (true) {
      RecordReader.Result result = reader.next();
      if (result instanceof RecordReader.End) {
        return;
      }
      if (result.offset() != at || result.end() <= at || result.end() > bytes.length) {
        throw new IllegalStateException("from " + at + " on it read " + result);
      }
      if (result instanceof RecordReader.Good good) {
        check(good, bytes);
      } else if (result instanceof RecordReader.Newer) {
        return;
      } else if (result instanceof RecordReader.Incomplete incomplete) {
        reader.skip(incomplete);
      }
      at = result.end();
    }
  }

  /** A record that is good is the very bytes that it would be written as. */
  private static void check(RecordReader.Good good, byte[] bytes) {
    byte[] again = RecordWriter.bytes(good.record(), KEY);
    int from = (int) good.offset();
    if (again.length != good.end() - good.offset()) {
      throw new IllegalStateException("another length: " + good);
    }
    for (int i = Layout.HEADER; i < again.length; i++) {
      boolean name = bytes[from + i] < 0; // a name's byte beyond ASCII is read as '?'
      if (again[i] != bytes[from + i] && !name && again[i] != '?') {
        throw new IllegalStateException("another byte at " + i + ": " + good);
      }
    }
  }

  private static byte[] sealed(byte[] data) {
    if (data.length == 0) {
      return data;
    }
    int whole = data[0] & 0x0f;
    ByteBuffer out =
        ByteBuffer.allocate(data.length + 16 * Layout.HEADER).order(ByteOrder.LITTLE_ENDIAN);
    int at = 1;
    while (whole-- > 0 && at < data.length) {
      int length = Math.min(data[at] & 0xff, data.length - at - 1);
      int from = out.position();
      out.put(Layout.MAGIC).put((byte) Layout.VERSION).putInt(0).putInt(Layout.HEADER + length);
      out.put(new byte[Layout.HEADER - Layout.LENGTH_AT - 4]);
      out.put(data, at + 1, length);
      CRC32C crc = new CRC32C();
      crc.update(KEY);
      crc.update(out.array(), from, Layout.CRC_AT);
      crc.update(out.array(), from + Layout.LENGTH_AT, out.position() - from - Layout.LENGTH_AT);
      out.putInt(from + Layout.CRC_AT, (int) crc.getValue());
      at += 1 + length;
    }
    out.put(data, at, data.length - at);
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }
}

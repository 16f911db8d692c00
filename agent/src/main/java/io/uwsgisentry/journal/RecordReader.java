package io.uwsgisentry.journal;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Reads one journal file from a position to its end.
 *
 * <p>Constraints: a SIGKILL can cut an append short, another process may append while this one
 * reads, what lies between records can hold anything that a request sent, and the reader's memory
 * is small. So nothing is believed before the CRC, which the directory's key seeds, has matched:
 * not even a length. What starts like a record is read in one of three ways.
 *
 * <ol>
 *   <li>The CRC matches: it is a record ({@link Good}), a record whose fields contradict their
 *       lengths ({@link Malformed}: a fault of the writer, no other process knows the key), or one
 *       of a newer version ({@link Newer}).
 *   <li>It ends beyond the file's end and no record follows: {@link Incomplete}. Either its writer
 *       is just at it (the kernel shows an append piece by piece) or died at it; the caller finds
 *       out by looking again.
 *   <li>Anything else is skipped byte by byte up to the next place where the CRC matches ({@link
 *       Skipped}).
 * </ol>
 *
 * <p>A record that does not fit the buffer has its CRC summed up in pieces first; room for it is
 * made only once that matched. Not thread-safe; the channel stays the caller's.
 */
public final class RecordReader {

  /** What stands at the reader's position. */
  public sealed interface Result {
    /** Where it starts, in bytes from the file's start. */
    long offset();

    /** Where the next one starts. */
    long end();
  }

  /** A record. */
  public record Good(Record record, long offset, long end) implements Result {}

  /**
   * A record with the right CRC whose fields cannot be told apart.
   *
   * @param record with the fields before the fault
   * @param fault one line
   */
  public record Malformed(Record record, String fault, long offset, long end) implements Result {}

  /** Bytes that are no record, before one or before the file's end. */
  public record Skipped(long offset, long end) implements Result {
    public long bytes() {
      return end - offset;
    }
  }

  /** A record of a newer version: this program must not go on. */
  public record Newer(int version, long offset, long end) implements Result {}

  /**
   * The beginning of what may become a record, up to the file's end. {@link #next} gives it again
   * until it has grown.
   */
  public record Incomplete(long offset, long end) implements Result {}

  /** The file's end, for now. */
  public record End(long offset) implements Result {
    @Override
    public long end() {
      return offset;
    }
  }

  static final int BUFFER_BYTES = 256 << 10;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final FileChannel channel;
  private final List<byte[]> keys;
  private final byte[] buffer;
  private long windowStart;
  private int windowBytes;
  private long position;

  /**
   * @param key of the directory, 16 bytes
   * @param position where a record starts, or anything else: then the first result is {@link
   *     Skipped}
   */
  public RecordReader(FileChannel channel, byte[] key, long position) {
    this(channel, new Keys(key), position);
  }

  /** With any of these keys. */
  public RecordReader(FileChannel channel, Keys keys, long position) {
    this(channel, keys, position, BUFFER_BYTES);
  }

  RecordReader(FileChannel channel, Keys keys, long position, int bufferBytes) {
    this.channel = channel;
    this.keys = keys.all();
    this.buffer = new byte[bufferBytes];
    this.position = position;
    this.windowStart = position;
  }

  /** Where the next result starts. */
  public long position() {
    return position;
  }

  /**
   * Reads what stands at the position and, but for {@link Incomplete} and {@link End}, moves behind
   * it.
   */
  public Result next() throws IOException {
    long size = channel.size();
    if (position >= size) {
      return new End(position);
    }
    int length = validLength(position, size);
    if (length > 0) {
      return accept(length);
    }
    long next = position + 1;
    while ((next = magic(next, size)) < size && validLength(next, size) == 0) {
      next++;
    }
    if (next >= size && unfinished(position, size)) {
      return new Incomplete(position, size);
    }
    return skipTo(Math.min(next, size));
  }

  /** Gives up on an {@link Incomplete}: it is skipped up to where that result ended. */
  public Skipped skip(Incomplete incomplete) {
    return skipTo(incomplete.end());
  }

  private Skipped skipTo(long end) {
    Skipped skipped = new Skipped(position, end);
    position = end;
    return skipped;
  }

  /** The bytes from one offset of the file to another, at most 1 MiB. */
  public byte[] raw(long offset, long end) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(end - offset)];
    ByteBuffer target = ByteBuffer.wrap(bytes);
    while (target.hasRemaining()) {
      if (channel.read(target, offset + target.position()) < 0) {
        throw new IOException("the journal file became shorter");
      }
    }
    return bytes;
  }

  /** The length of the record at that offset if its CRC matches, else 0. */
  private int validLength(long offset, long size) throws IOException {
    if (size - offset < Layout.HEADER || !window(offset, Layout.HEADER)) {
      return 0;
    }
    int at = (int) (offset - windowStart);
    int length = plausibleLength(at);
    if (length == 0 || length > size - offset) {
      return 0;
    }
    for (byte[] key : keys) {
      if (matches(key, offset, length)) {
        return length;
      }
    }
    return 0;
  }

  /** Whether that key makes a record of the bytes there. */
  private boolean matches(byte[] key, long offset, int length) throws IOException {
    if (!window(offset, Math.min(length, buffer.length))) {
      return false;
    }
    int at = (int) (offset - windowStart);
    int expected = (int) INT.get(buffer, at + Layout.CRC_AT);
    CRC32C crc = new CRC32C();
    crc.update(key);
    crc.update(buffer, at, Layout.CRC_AT);
    if (length <= buffer.length) {
      crc.update(buffer, at + Layout.LENGTH_AT, length - Layout.LENGTH_AT);
    } else {
      for (long from = offset + Layout.LENGTH_AT; from < offset + length; ) {
        int part = (int) Math.min(buffer.length, offset + length - from);
        if (!window(from, part)) {
          return false;
        }
        crc.update(buffer, (int) (from - windowStart), part);
        from += part;
      }
    }
    return (int) crc.getValue() == expected;
  }

  /**
   * How many records of a key that is none of ours were skipped, one behind the other; 0 where
   * something else was. Their heads say how long they are: two that follow each other, or one that
   * is a whole file, are no damage.
   */
  public int strangers(Skipped skipped) throws IOException {
    int records = 0;
    long at = skipped.offset();
    while (skipped.end() - at >= Layout.HEADER && window(at, Layout.HEADER)) {
      int length = plausibleLength((int) (at - windowStart));
      if (length == 0 || length > skipped.end() - at) {
        break;
      }
      records++;
      at += length;
    }
    boolean all = skipped.offset() == 0 && at == channel.size();
    return records > 1 || all ? records : 0;
  }

  /** The length that a header claims, 0 if it is none. */
  private int plausibleLength(int at) {
    if (buffer[at] != Layout.MAGIC[0]
        || buffer[at + 1] != Layout.MAGIC[1]
        || buffer[at + 2] != Layout.MAGIC[2]
        || buffer[at + Layout.VERSION_AT] == 0) {
      return 0;
    }
    int length = (int) INT.get(buffer, at + Layout.LENGTH_AT);
    return length < Layout.HEADER || length > Layout.MAX_LENGTH ? 0 : length;
  }

  /** Whether a record could start there that lacks only its end. */
  private boolean unfinished(long offset, long size) throws IOException {
    int available = (int) Math.min(Layout.HEADER, size - offset);
    if (!window(offset, available)) {
      return false;
    }
    int at = (int) (offset - windowStart);
    if (available == Layout.HEADER) {
      return plausibleLength(at) > size - offset;
    }
    int magic = Math.min(available, Layout.MAGIC.length);
    return Arrays.equals(buffer, at, at + magic, Layout.MAGIC, 0, magic);
  }

  /**
   * The first place from that offset on where the magic's first byte stands, {@code size} if there
   * is none.
   */
  private long magic(long from, long size) throws IOException {
    long offset = from;
    while (offset < size && window(offset, 1)) {
      for (int i = (int) (offset - windowStart); i < windowBytes; i++) {
        if (buffer[i] == Layout.MAGIC[0]) {
          return Math.min(windowStart + i, size);
        }
      }
      offset = windowStart + windowBytes;
    }
    return size;
  }

  private Result accept(int length) throws IOException {
    long start = position;
    byte[] bytes = buffer;
    int at;
    if (length <= buffer.length) {
      window(start, length);
      at = (int) (start - windowStart);
    } else {
      bytes = raw(start, start + length);
      at = 0;
    }
    position = start + length;
    int version = bytes[at + Layout.VERSION_AT] & 0xff;
    if (version != Layout.VERSION) {
      position = start;
      return new Newer(version, start, start + length);
    }
    List<Fields.Field> fields = new ArrayList<>(16);
    String fault = fields(bytes, at + Layout.HEADER, at + length, fields);
    Record record = record(bytes, at, new Fields(fields));
    return fault.isEmpty()
        ? new Good(record, start, position)
        : new Malformed(record, fault, start, position);
  }

  private static Record record(byte[] bytes, int at, Fields fields) {
    int flags = bytes[at + Layout.FLAGS_AT];
    int core = (short) SHORT.get(bytes, at + Layout.CORE_AT) & 0xffff;
    return new Record(
        HexFormat.of().formatHex(bytes, at + Layout.ID_AT, at + Layout.ID_AT + Layout.ID_BYTES),
        bytes[at + Layout.KIND_AT] & 0xff,
        ProcessKind.of(bytes[at + Layout.PROCESS_AT] & 0xff),
        (flags & Layout.FLAG_BRIEF) != 0,
        (flags & Layout.FLAG_CUT) != 0,
        (long) LONG.get(bytes, at + Layout.TIME_AT),
        (int) INT.get(bytes, at + Layout.PID_AT) & 0xffffffffL,
        (short) SHORT.get(bytes, at + Layout.WORKER_AT) & 0xffff,
        core == Layout.NO_CORE ? -1 : core,
        (long) LONG.get(bytes, at + Layout.HANDLER_HASH_AT),
        (long) LONG.get(bytes, at + Layout.FOLD_KEY_AT),
        fields);
  }

  /** Takes the fields apart; gives what is wrong with them, empty if nothing is. */
  private static String fields(byte[] bytes, int from, int to, List<Fields.Field> fields) {
    int at = from;
    while (at < to) {
      int nameLength = bytes[at] & 0xff;
      int valueAt = at + 1 + nameLength + 4;
      if (nameLength == 0 || valueAt > to) {
        return "field " + (fields.size() + 1) + " has no proper name";
      }
      int valueLength = (int) INT.get(bytes, valueAt - 4);
      if (valueLength < 0 || valueLength > to - valueAt) {
        return "field " + (fields.size() + 1) + " is longer than its record";
      }
      fields.add(
          new Fields.Field(
              new String(bytes, at + 1, nameLength, StandardCharsets.US_ASCII),
              Arrays.copyOfRange(bytes, valueAt, valueAt + valueLength)));
      at = valueAt + valueLength;
    }
    return "";
  }

  /** Sees to it that the buffer holds these bytes; false if the file does not. */
  private boolean window(long offset, int bytes) throws IOException {
    if (offset >= windowStart && offset + bytes <= windowStart + windowBytes) {
      return true;
    }
    int kept = 0;
    if (offset >= windowStart && offset < windowStart + windowBytes) {
      kept = (int) (windowStart + windowBytes - offset);
      System.arraycopy(buffer, (int) (offset - windowStart), buffer, 0, kept);
    }
    windowStart = offset;
    windowBytes = kept;
    ByteBuffer target = ByteBuffer.wrap(buffer);
    while (windowBytes < buffer.length) {
      target.position(windowBytes);
      int read = channel.read(target, windowStart + windowBytes);
      if (read < 0) {
        break;
      }
      windowBytes += read;
    }
    return bytes <= windowBytes;
  }
}

package io.uwsgisentry.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * Writes records as uWSGI's processes do: for the tests, the benchmarks, and the agent's rehearsal
 * of itself. Thread-safe.
 */
public final class RecordWriter {
  private static final int ROUNDS = 8;

  private final Path live;
  private final byte[] key;

  /**
   * @param live the file to append to, made if it is missing; its directory must exist
   * @param key of the directory, 16 bytes
   */
  public RecordWriter(Path live, byte[] key) {
    this.live = live;
    this.key = key.clone();
  }

  /**
   * Appends a record, again if the file was renamed in the meantime: it may then be in the journal
   * twice, with the same id.
   *
   * @throws IOException if it could not be written, also after 8 rounds
   */
  public void append(Record record) throws IOException {
    byte[] bytes = bytes(record, key);
    for (int round = 0; round < ROUNDS; round++) {
      try (FileChannel channel =
          FileChannel.open(
              live,
              Set.of(
                  StandardOpenOption.WRITE,
                  StandardOpenOption.APPEND,
                  StandardOpenOption.CREATE,
                  LinkOption.NOFOLLOW_LINKS),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        long before = channel.size();
        int written = channel.write(ByteBuffer.wrap(bytes));
        if (written == bytes.length && isLive(bytes, before, channel.size())) {
          return;
        }
      }
    }
    throw new IOException(live + " was renamed " + ROUNDS + " times during one append");
  }

  /**
   * Whether the file that is called {@code live} now holds the record in that range. The plugin
   * compares inodes; Java cannot ask for that of an open file, and asking for the name's before and
   * after takes one file for another where inode numbers are used again.
   */
  private boolean isLive(byte[] record, long from, long to) throws IOException {
    ByteBuffer range = ByteBuffer.allocate(Math.toIntExact(to - from));
    try (FileChannel channel =
        FileChannel.open(live, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
      while (range.hasRemaining() && channel.read(range, from + range.position()) > 0) {
        // Until the range is full or the file ends, which is then another one.
      }
    } catch (NoSuchFileException e) {
      return false;
    }
    byte[] found = range.array();
    for (int at = 0; at + record.length <= range.position(); at++) {
      if (Arrays.equals(found, at, at + record.length, record, 0, record.length)) {
        return true;
      }
    }
    return false;
  }

  /**
   * The record's bytes.
   *
   * @throws IllegalArgumentException if it has a part that the format cannot hold
   */
  public static byte[] bytes(Record record, byte[] key) {
    int length = Layout.HEADER;
    for (Fields.Field field : record.fields().all()) {
      length = Math.addExact(length, 1 + field.name().length() + 4 + field.value().length);
    }
    if (length > Layout.MAX_LENGTH || record.id().length() != 2 * Layout.ID_BYTES) {
      throw new IllegalArgumentException("a record of " + length + " bytes, id " + record.id());
    }
    ByteBuffer out = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    out.put(Layout.MAGIC).put((byte) Layout.VERSION).putInt(0).putInt(length);
    out.put(HexFormat.of().parseHex(record.id()));
    out.put((byte) record.kindCode()).put((byte) record.process().code());
    out.put(
        (byte) ((record.brief() ? Layout.FLAG_BRIEF : 0) | (record.cut() ? Layout.FLAG_CUT : 0)));
    out.put((byte) 0);
    out.putLong(record.timeMicros()).putInt((int) record.pid());
    out.putShort((short) record.worker());
    out.putShort((short) (record.core() < 0 ? Layout.NO_CORE : record.core()));
    out.putLong(record.handlerHash()).putLong(record.foldKey());
    for (Fields.Field field : record.fields().all()) {
      byte[] name = field.name().getBytes(StandardCharsets.US_ASCII);
      if (name.length == 0 || name.length > 255) {
        throw new IllegalArgumentException("a field named '" + field.name() + "'");
      }
      out.put((byte) name.length).put(name).putInt(field.value().length).put(field.value());
    }
    CRC32C crc = new CRC32C();
    crc.update(key);
    crc.update(out.array(), 0, Layout.CRC_AT);
    crc.update(out.array(), Layout.LENGTH_AT, length - Layout.LENGTH_AT);
    out.putInt(Layout.CRC_AT, (int) crc.getValue());
    return out.array();
  }
}

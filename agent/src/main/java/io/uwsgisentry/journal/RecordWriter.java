package io.uwsgisentry.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.Set;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

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
      Object before = identity();
      try (FileChannel channel =
          FileChannel.open(
              live,
              Set.of(
                  StandardOpenOption.WRITE,
                  StandardOpenOption.APPEND,
                  StandardOpenOption.CREATE,
                  LinkOption.NOFOLLOW_LINKS),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        Object opened = identity();
        if (opened == null || (before != null && !before.equals(opened))) {
          continue;
        }
        int written = channel.write(ByteBuffer.wrap(bytes));
        // `before` is null only where this call made the file, or another one at that moment did.
        if (written == bytes.length && opened.equals(identity())) {
          return;
        }
      }
    }
    throw new IOException(live + " was renamed " + ROUNDS + " times during one append");
  }

  /**
   * Device and inode; Java has no fstat, so the name is asked before and after the file is opened.
   */
  private @Nullable Object identity() throws IOException {
    try {
      return Files.readAttributes(live, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey();
    } catch (NoSuchFileException e) {
      return null;
    }
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
    crc.update(out.array(), Layout.LENGTH_AT, length - Layout.LENGTH_AT);
    out.putInt(Layout.CRC_AT, (int) crc.getValue());
    return out.array();
  }
}

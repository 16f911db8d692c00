package io.uwsgisentry.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/** A file of which only what lies within it can be read, whatever its tables say. */
final class ElfBytes {
  private static final int MAX_NAME = 1024;

  /**
   * A part of the file.
   *
   * @param name where its name starts in the section of names
   * @param link the number of the section that goes with it
   * @param entrySize of one of its entries
   */
  record Section(int name, int type, long offset, long size, int link, long entrySize) {}

  private final FileChannel file;
  private final long length;

  ElfBytes(FileChannel file) throws IOException {
    this.file = file;
    this.length = file.size();
  }

  long length() {
    return length;
  }

  static byte[] part(ByteBuffer bytes, int at, int size) {
    byte[] part = new byte[size];
    bytes.get(at, part);
    return part;
  }

  /** Exactly those bytes. */
  ByteBuffer read(long offset, int size) throws IOException {
    if (offset < 0 || size < 0 || offset > length - size) {
      throw new IOException("a table lies outside of the file");
    }
    ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      if (file.read(bytes, offset + bytes.position()) < 0) {
        throw new IOException("the file ends too early");
      }
    }
    return bytes.flip().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A text that ends with a NUL; empty if it would start outside. */
  static String string(ByteBuffer strings, int at) {
    if (at < 0 || at >= strings.limit()) {
      return "";
    }
    int end = at;
    while (end < strings.limit() && strings.get(end) != 0 && end - at < MAX_NAME) {
      end++;
    }
    return new String(part(strings, at, end - at), StandardCharsets.UTF_8);
  }
}

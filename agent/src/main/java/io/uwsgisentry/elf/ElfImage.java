package io.uwsgisentry.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * A program or library in ELF, to the extent that a crash needs it: which build it is, how large it
 * is in memory, and which function an address is in.
 *
 * <p>Read are 64-bit little-endian files (x86-64, aarch64, riscv64); all others are refused. Any
 * number in the file may be a lie: each is compared with the file's size before it is used, tables
 * have a bound, and nothing is ever allocated by a number that was not. File and line of an address
 * are in DWARF, which is left to Sentry's symbolicator: it finds the file by {@link #debugId}.
 *
 * <p>The layout is the one of the System V ABI, chapters 4 and 5; names of fields are its own.
 */
public final class ElfImage implements AutoCloseable {
  private static final int MAX_SEGMENTS = 512;
  private static final int MAX_SECTIONS = 20_000;
  private static final int MAX_NOTES = 1 << 16;
  private static final int MAX_BUILD_ID = 64;
  private static final int MAX_SECTION_NAMES = 1 << 20;

  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;
  private static final int SHT_PROGBITS = 1;
  private static final int NT_GNU_BUILD_ID = 3;
  private static final long PAGE = 4096;

  private final FileChannel channel;
  private final ElfBytes file;
  private final int machine;
  private long lowest = Long.MAX_VALUE;
  private long highest;
  private byte @Nullable [] buildId;
  private final int namesAt;
  private ElfBytes.Section[] sections = {};

  private ElfImage(FileChannel channel) throws IOException {
    this.channel = channel;
    this.file = new ElfBytes(channel);
    ByteBuffer head = file.read(0, 64);
    if (head.getInt(0) != 0x464c457f || head.get(4) != 2 || head.get(5) != 1) {
      throw new IOException("not a 64-bit little-endian ELF file");
    }
    machine = Short.toUnsignedInt(head.getShort(18));
    namesAt = Short.toUnsignedInt(head.getShort(62));
    segments(head.getLong(32), Short.toUnsignedInt(head.getShort(54)), head.getShort(56));
    sections(head.getLong(40), Short.toUnsignedInt(head.getShort(58)), head.getShort(60));
  }

  /**
   * Opens a file.
   *
   * @throws IOException if it cannot be read, or is not such a file
   */
  public static ElfImage open(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new IOException("not a regular file");
    }
    FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
    try {
      return new ElfImage(file);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** Sentry's word for the processor; null where it has none that we know. */
  public @Nullable String arch() {
    return switch (machine) {
      case 62 -> "x86_64";
      case 183 -> "arm64";
      default -> null;
    };
  }

  /** Where the image wants to start, rounded down to a page: 0 but for fixed programs. */
  public long origin() {
    return lowest == Long.MAX_VALUE ? 0 : lowest & -PAGE;
  }

  /** Bytes in memory from {@link #origin}, whole pages: not the file's size. */
  public long memorySize() {
    return lowest == Long.MAX_VALUE ? 0 : ((highest + PAGE - 1) & -PAGE) - origin();
  }

  /** The whole build id in hex, null if the file has none. */
  public @Nullable String codeId() {
    return buildId == null ? null : HexFormat.of().formatHex(buildId);
  }

  /**
   * Sentry's debug id: the build id's first 16 bytes as a UUID whose first three parts have their
   * bytes swapped; without a build id, the first page of the code folded into 16 bytes.
   */
  public @Nullable String debugId() throws IOException {
    byte[] id = buildId == null ? foldedCode() : Arrays.copyOf(buildId, 16);
    if (id == null) {
      return null;
    }
    ByteBuffer bytes = ByteBuffer.wrap(id).order(ByteOrder.LITTLE_ENDIAN);
    String rest = HexFormat.of().formatHex(id, 8, 16);
    return String.format(
        "%08x-%04x-%04x-%s-%s",
        bytes.getInt(0),
        bytes.getShort(4) & 0xffff,
        bytes.getShort(6) & 0xffff,
        rest.substring(0, 4),
        rest.substring(4));
  }

  public ElfSymbols symbols() {
    return new ElfSymbols(file, sections);
  }

  /** Where the distribution's package of debug files has this image's; null without a build id. */
  public @Nullable String debugFile() {
    String id = codeId();
    return id == null || id.length() < 4
        ? null
        : "/usr/lib/debug/.build-id/" + id.substring(0, 2) + "/" + id.substring(2) + ".debug";
  }

  private void segments(long offset, int size, short number) throws IOException {
    int count = Short.toUnsignedInt(number);
    if (size != 56 || count == 0 || count > MAX_SEGMENTS) {
      return;
    }
    ByteBuffer table = file.read(offset, size * count);
    for (int i = 0; i < count; i++) {
      int at = i * size;
      int type = table.getInt(at);
      long start = table.getLong(at + 16);
      long inMemory = table.getLong(at + 40);
      if (type == PT_LOAD && start >= 0 && inMemory >= 0 && start + inMemory >= start) {
        lowest = Math.min(lowest, start);
        highest = Math.max(highest, start + inMemory);
      } else if (type == PT_NOTE && buildId == null) {
        notes(table.getLong(at + 8), table.getLong(at + 32));
      }
    }
  }

  private void notes(long offset, long size) throws IOException {
    if (size < 12 || size > MAX_NOTES || offset < 0 || offset > file.length() - size) {
      return;
    }
    ByteBuffer notes = file.read(offset, (int) size);
    for (int at = 0; at <= size - 12; ) {
      int nameSize = notes.getInt(at);
      int idSize = notes.getInt(at + 4);
      int type = notes.getInt(at + 8);
      if (nameSize < 0 || idSize < 0 || nameSize > size || idSize > size) {
        return;
      }
      int id = at + 12 + (nameSize + 3 & -4);
      if (id > size - idSize) {
        return;
      }
      boolean gnu = nameSize == 4 && notes.getInt(at + 12) == 0x00554e47;
      if (gnu && type == NT_GNU_BUILD_ID && idSize > 0 && idSize <= MAX_BUILD_ID) {
        buildId = ElfBytes.part(notes, id, idSize);
        return;
      }
      at = id + (idSize + 3 & -4);
    }
  }

  private void sections(long offset, int size, short number) throws IOException {
    int count = Short.toUnsignedInt(number);
    if (offset <= 0
        || size != 64
        || count > MAX_SECTIONS
        || offset > file.length() - (long) size * count) {
      return;
    }
    ByteBuffer table = file.read(offset, size * count);
    ElfBytes.Section[] all = new ElfBytes.Section[count];
    for (int i = 0; i < count; i++) {
      int at = i * size;
      int type = table.getInt(at + 4);
      long start = table.getLong(at + 24);
      long bytes = table.getLong(at + 32);
      // A section without bytes in the file (a debug file has many) is of no use here.
      boolean there =
          bytes >= 0 && start >= 0 && bytes <= file.length() && start <= file.length() - bytes;
      all[i] =
          new ElfBytes.Section(
              table.getInt(at),
              there ? type : 0,
              start,
              there ? bytes : 0,
              table.getInt(at + 40),
              table.getLong(at + 56));
    }
    sections = all;
  }

  private byte @Nullable [] foldedCode() throws IOException {
    if (namesAt >= sections.length || sections[namesAt].size() > MAX_SECTION_NAMES) {
      return null;
    }
    ByteBuffer names = file.read(sections[namesAt].offset(), (int) sections[namesAt].size());
    for (ElfBytes.Section section : sections) {
      if (section.type() == SHT_PROGBITS
          && ElfBytes.string(names, section.name()).equals(".text")) {
        ByteBuffer code = file.read(section.offset(), (int) Math.min(section.size(), PAGE));
        byte[] id = new byte[16];
        for (int i = 0; i < code.limit(); i++) {
          id[i % 16] ^= code.get(i);
        }
        return id;
      }
    }
    return null;
  }
}

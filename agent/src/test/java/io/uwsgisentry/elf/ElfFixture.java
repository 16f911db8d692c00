package io.uwsgisentry.elf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Small ELF files as a linker would write them: one segment to load, a build id, code, and tables
 * of symbols.
 */
public final class ElfFixture {
  private static final int HEAD = 64;
  private static final int SEGMENT = 56;
  private static final int SECTION = 64;
  private static final int SYMBOL = 24;

  private final Map<String, long[]> symbols = new LinkedHashMap<>();
  private String buildId = "";
  private long origin;
  private long memory = 0x5000;
  private boolean debug;

  public ElfFixture buildId(String hex) {
    buildId = hex;
    return this;
  }

  public ElfFixture at(long origin, long memory) {
    this.origin = origin;
    this.memory = memory;
    return this;
  }

  public ElfFixture function(String name, long address, long size) {
    symbols.put(name, new long[] {address, size});
    return this;
  }

  /** As in a package of debug files: the full table of symbols, no code. */
  public ElfFixture debug() {
    debug = true;
    return this;
  }

  public byte[] bytes() {
    byte[] id = HexFormat.of().parseHex(buildId);
    ByteBuffer note = little(12 + 4 + (id.length + 3 & -4));
    note.putInt(4).putInt(id.length).putInt(3).put("GNU\0".getBytes(StandardCharsets.US_ASCII));
    note.put(id);
    byte[] code = new byte[4096];
    for (int i = 0; i < code.length; i++) {
      code[i] = (byte) (i * 7 + i / 16);
    }
    ByteArrayOutputStream strings = new ByteArrayOutputStream();
    strings.write(0);
    ByteBuffer table = little(SYMBOL * (symbols.size() + 1));
    table.position(SYMBOL);
    symbols.forEach(
        (name, place) -> {
          table.putInt(strings.size()).put((byte) 0x12).put((byte) 0).putShort((short) 1);
          table.putLong(place[0]).putLong(place[1]);
          strings.writeBytes((name + "\0").getBytes(StandardCharsets.UTF_8));
        });
    String sectionNames = "\0.text\0.sym\0.str\0.shstrtab\0";

    int segments = id.length == 0 ? 1 : 2;
    int noteAt = HEAD + SEGMENT * segments;
    int codeAt = noteAt + note.capacity();
    int tableAt = codeAt + code.length;
    int stringsAt = tableAt + table.capacity();
    int namesAt = stringsAt + strings.size();
    int sectionsAt = namesAt + sectionNames.length() + 7 & -8;

    ByteBuffer file = little(sectionsAt + 5 * SECTION);
    file.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
    file.putShort((short) (origin == 0 ? 3 : 2)).putShort((short) 62).putInt(1).putLong(origin);
    file.putLong(HEAD).putLong(sectionsAt).putInt(0).putShort((short) HEAD);
    file.putShort((short) SEGMENT).putShort((short) segments);
    file.putShort((short) SECTION).putShort((short) 5).putShort((short) 4);
    file.putInt(1).putInt(5).putLong(0).putLong(origin).putLong(origin);
    file.putLong(file.capacity()).putLong(memory).putLong(0x1000);
    if (segments == 2) {
      file.putInt(4).putInt(4).putLong(noteAt).putLong(origin + noteAt).putLong(origin + noteAt);
      file.putLong(note.capacity()).putLong(note.capacity()).putLong(4);
    }
    file.put(note.array()).put(code).put(table.array()).put(strings.toByteArray());
    file.put(sectionNames.getBytes(StandardCharsets.US_ASCII));
    section(file, sectionsAt, 1, sectionNames.indexOf(".text"), debug ? 8 : 1, codeAt, 4096, 0, 0);
    section(
        file,
        sectionsAt,
        2,
        sectionNames.indexOf(".sym"),
        debug ? 2 : 11,
        tableAt,
        table.capacity(),
        3,
        SYMBOL);
    section(file, sectionsAt, 3, sectionNames.indexOf(".str"), 3, stringsAt, strings.size(), 0, 0);
    section(
        file,
        sectionsAt,
        4,
        sectionNames.indexOf(".shstrtab"),
        3,
        namesAt,
        sectionNames.length(),
        0,
        0);
    return file.array();
  }

  private static void section(
      ByteBuffer file,
      int table,
      int index,
      int name,
      int type,
      int offset,
      int size,
      int link,
      int each) {
    int at = table + index * SECTION;
    file.putInt(at, name).putInt(at + 4, type).putLong(at + 8, 6);
    file.putLong(at + 24, offset).putLong(at + 32, size);
    file.putInt(at + 40, link).putLong(at + 56, each);
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}

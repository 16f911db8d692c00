package io.uwsgisentry.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The functions of an image, as its tables of symbols have them. */
public final class ElfSymbols {
  private static final int MAX_SYMBOLS = 1_000_000;
  private static final int MAX_STRINGS = 8 << 20;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_DYNSYM = 11;
  private static final int STT_FUNC = 2;
  private static final int STT_GNU_IFUNC = 10;
  private static final int SYMBOL_BYTES = 24;

  /**
   * A function.
   *
   * @param address from the image's own origin, as {@code st_value} has it
   */
  public record Symbol(String name, long address) {}

  private final ElfBytes file;
  private final ElfBytes.Section[] sections;

  ElfSymbols(ElfBytes file, ElfBytes.Section[] sections) {
    this.file = file;
    this.sections = sections;
  }

  /**
   * The functions that addresses lie in; addresses of none are left out.
   *
   * @param addresses from the image's own origin
   */
  public Map<Long, Symbol> at(Collection<Long> addresses) throws IOException {
    Map<Long, Symbol> found = new HashMap<>();
    if (!addresses.isEmpty()) {
      eachFunction(
          (name, start, size) -> {
            for (long address : addresses) {
              if (address - start >= 0 && address - start < size && !found.containsKey(address)) {
                String text = name.read();
                if (!text.isEmpty()) {
                  found.put(address, new Symbol(text, start));
                }
              }
            }
          });
    }
    return found;
  }

  /** The addresses of functions by name. */
  public Map<String, Long> named(Set<String> names) throws IOException {
    Map<String, Long> found = new HashMap<>();
    if (!names.isEmpty()) {
      eachFunction(
          (name, start, size) -> {
            String text = name.read();
            if (names.contains(text)) {
              found.putIfAbsent(text, start);
            }
          });
    }
    return found;
  }

  private interface Name {
    String read();
  }

  private interface FunctionVisitor {
    void visit(Name name, long start, long size);
  }

  /** The full table of symbols if there is one, else those for the loader. */
  private void eachFunction(FunctionVisitor visitor) throws IOException {
    for (int type : new int[] {SHT_SYMTAB, SHT_DYNSYM}) {
      for (ElfBytes.Section section : sections) {
        if (section.type() == type && eachFunction(section, visitor)) {
          return;
        }
      }
    }
  }

  private boolean eachFunction(ElfBytes.Section table, FunctionVisitor visitor) throws IOException {
    if (table.entrySize() != SYMBOL_BYTES || table.link() < 0 || table.link() >= sections.length) {
      return false;
    }
    ElfBytes.Section names = sections[table.link()];
    if (names.size() > MAX_STRINGS || names.size() <= 0) {
      return false;
    }
    ByteBuffer strings = file.read(names.offset(), (int) names.size());
    long count = Math.min(table.size() / SYMBOL_BYTES, MAX_SYMBOLS);
    int atOnce = 2048;
    for (long first = 0; first < count; first += atOnce) {
      int here = (int) Math.min(atOnce, count - first);
      ByteBuffer symbols = file.read(table.offset() + first * SYMBOL_BYTES, here * SYMBOL_BYTES);
      for (int i = 0; i < here; i++) {
        int at = i * SYMBOL_BYTES;
        int type = symbols.get(at + 4) & 0xf;
        long start = symbols.getLong(at + 8);
        long size = symbols.getLong(at + 16);
        if ((type == STT_FUNC || type == STT_GNU_IFUNC) && start > 0 && size >= 0) {
          int name = symbols.getInt(at);
          visitor.visit(() -> ElfBytes.string(strings, name), start, size);
        }
      }
    }
    return true;
  }
}

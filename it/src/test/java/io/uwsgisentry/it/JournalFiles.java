package io.uwsgisentry.it;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

/** Reads the journal as docs/journal.md lays it out, without a look at checksums. */
final class JournalFiles {
  private JournalFiles() {}

  static List<Record> read(Path dir) {
    List<Record> out = new ArrayList<>();
    Path journal = dir.resolve("journal");
    if (!Files.isDirectory(journal)) return out;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(journal)) {
      for (Path f : files) {
        if (f.getFileName().toString().startsWith("new-")) continue;
        byte[] all = Files.readAllBytes(f);
        int at = 0;
        while (at + 64 <= all.length) {
          ByteBuffer b = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
          if ((all[at] & 255) != 0xa7) throw new AssertionError("torn at " + at);
          int length = b.getInt(at + 8);
          if (at + length > all.length) break;
          List<Fields.Field> fields = new ArrayList<>();
          int p = at + 64;
          while (p < at + length) {
            int n = all[p] & 255;
            String name = new String(all, p + 1, n, StandardCharsets.US_ASCII);
            int l = b.getInt(p + 1 + n);
            fields.add(new Fields.Field(name, Arrays.copyOfRange(all, p + 5 + n, p + 5 + n + l)));
            p += 5 + n + l;
          }
          int core = b.getShort(at + 46) & 0xffff;
          out.add(
              new Record(
                  HexFormat.of().formatHex(all, at + 12, at + 28),
                  all[at + 28] & 255,
                  ProcessKind.values()[all[at + 29]],
                  (all[at + 30] & 1) != 0,
                  (all[at + 30] & 2) != 0,
                  b.getLong(at + 32),
                  b.getInt(at + 40),
                  b.getShort(at + 44),
                  core == 65535 ? -1 : core,
                  b.getLong(at + 48),
                  b.getLong(at + 56),
                  new Fields(fields)));
          at += length;
        }
      }
    } catch (NoSuchFileException e) {
      return read(dir);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return out;
  }
}

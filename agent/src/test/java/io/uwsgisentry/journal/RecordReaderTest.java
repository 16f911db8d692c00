package io.uwsgisentry.journal;

import static io.uwsgisentry.journal.Samples.KEY;
import static io.uwsgisentry.journal.Samples.alarm;
import static io.uwsgisentry.journal.Samples.journal;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordReaderTest {
  @TempDir Path directory;

  /** What reading a whole file gave. */
  record Reading(List<Record> records, long skipped, int places, long incomplete, int malformed) {
    List<String> texts() {
      return records.stream().map(record -> record.fields().text("text")).toList();
    }
  }

  private Reading read(byte[] bytes) throws IOException {
    return read(bytes, RecordReader.BUFFER_BYTES);
  }

  private Reading read(byte[] bytes, int buffer) throws IOException {
    Path file = Files.write(directory.resolve("sealed"), bytes);
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, new Keys(KEY), 0, buffer);
      List<Record> records = new ArrayList<>();
      long skipped = 0;
      int places = 0;
      int malformed = 0;
      while (true) {
        long before = reader.position();
        RecordReader.Result result = reader.next();
        assertThat(result.offset()).isEqualTo(before);
        if (result instanceof RecordReader.Good good) {
          records.add(good.record());
        } else if (result instanceof RecordReader.Malformed) {
          malformed++;
        } else if (result instanceof RecordReader.Skipped skip) {
          skipped += skip.bytes();
          places++;
        } else if (result instanceof RecordReader.Incomplete incomplete) {
          return new Reading(
              records, skipped, places, incomplete.end() - incomplete.offset(), malformed);
        } else {
          assertThat(result).isInstanceOf(RecordReader.End.class);
          return new Reading(records, skipped, places, 0, malformed);
        }
      }
    }
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  @Test
  void anEmptyFileIsAtItsEnd() throws IOException {
    assertThat(read(new byte[0])).isEqualTo(new Reading(List.of(), 0, 0, 0, 0));
  }

  @Test
  void everyPartOfARecordComesBackAsWritten() throws IOException {
    List<Record> written = Samples.everyKind();

    List<Record> records = read(journal(written)).records();

    assertThat(records).hasSameSizeAs(written);
    for (int i = 0; i < written.size(); i++) {
      assertThat(records.get(i))
          .usingRecursiveComparison()
          .ignoringFields("fields")
          .isEqualTo(written.get(i));
      assertThat(records.get(i).fields().all())
          .usingRecursiveFieldByFieldElementComparator()
          .containsExactlyElementsOf(written.get(i).fields().all());
    }
  }

  @Test
  void aRecordTornAtAnyByteIsSkippedAndWhatFollowsIsRead() throws IOException {
    byte[] whole = journal(List.of(alarm(1)));
    byte[] next = journal(List.of(alarm(2), alarm(3)));
    for (int kept = 1; kept < whole.length; kept++) {
      Reading reading = read(join(Arrays.copyOf(whole, kept), next));

      assertThat(reading.texts()).as("torn at %d", kept).containsExactly("line 2", "line 3");
      assertThat(reading.skipped()).as("torn at %d", kept).isEqualTo(kept);
      assertThat(reading.places()).isEqualTo(1);
    }
  }

  @Test
  void aRecordCutByTheFilesEndIsIncompleteAtAnyByte() throws IOException {
    byte[] first = journal(List.of(alarm(1)));
    byte[] last = journal(List.of(alarm(2)));
    for (int kept = 1; kept < last.length; kept++) {
      Reading reading = read(join(first, Arrays.copyOf(last, kept)));

      assertThat(reading.texts()).containsExactly("line 1");
      assertThat(reading.incomplete()).as("cut at %d", kept).isEqualTo(kept);
      assertThat(reading.skipped()).isZero();
    }
  }

  @Test
  void anIncompleteRecordIsReadOnceItsRestArrived() throws IOException {
    byte[] bytes = journal(List.of(alarm(1)));
    Path file = Files.write(directory.resolve("growing"), Arrays.copyOf(bytes, 70));
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, KEY, 0);
      assertThat(reader.next()).isEqualTo(new RecordReader.Incomplete(0, 70));

      Files.write(file, Arrays.copyOfRange(bytes, 70, bytes.length), StandardOpenOption.APPEND);

      assertThat(reader.next()).isInstanceOf(RecordReader.Good.class);
      assertThat(reader.next()).isEqualTo(new RecordReader.End(bytes.length));
    }
  }

  @Test
  void anIncompleteRecordThatIsGivenUpIsSkippedUpToWhereItEnded() throws IOException {
    byte[] torn = Arrays.copyOf(journal(List.of(alarm(1))), 70);
    Path file = Files.write(directory.resolve("growing"), torn);
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, KEY, 0);
      RecordReader.Incomplete incomplete = (RecordReader.Incomplete) reader.next();

      assertThat(reader.skip(incomplete)).isEqualTo(new RecordReader.Skipped(0, 70));

      Files.write(file, journal(List.of(alarm(2))), StandardOpenOption.APPEND);
      assertThat(((RecordReader.Good) reader.next()).record().id()).endsWith("2");
    }
  }

  @Test
  void aRecordWithAnyBitOfItFlippedIsNotTaken() throws IOException {
    byte[] first = journal(List.of(alarm(1)));
    byte[] next = journal(List.of(alarm(2)));
    for (int at = 0; at < first.length * 8; at++) {
      byte[] damaged = join(first, next);
      damaged[at / 8] ^= (byte) (1 << (at % 8));

      Reading reading = read(damaged);

      assertThat(reading.texts()).as("bit %d", at).containsExactly("line 2");
      assertThat(reading.skipped()).as("bit %d", at).isEqualTo(first.length);
    }
  }

  @Test
  void theLastRecordWithAnyByteFlippedIsNotTakenEither() throws IOException {
    byte[] first = journal(List.of(alarm(1)));
    byte[] last = journal(List.of(alarm(2)));
    for (int at = 0; at < last.length; at++) {
      byte[] damaged = join(first, last);
      damaged[first.length + at] ^= (byte) 0x80;

      Reading reading = read(damaged);

      assertThat(reading.texts()).as("byte %d", at).containsExactly("line 1");
      assertThat(reading.skipped() + reading.incomplete()).isEqualTo(last.length);
    }
  }

  @Test
  void garbageBetweenRecordsIsCountedToTheByte() throws IOException {
    Random random = new Random(42);
    for (int round = 0; round < 200; round++) {
      byte[] garbage = new byte[1 + random.nextInt(300)];
      random.nextBytes(garbage);
      if (round % 2 == 0) {
        System.arraycopy(Layout.MAGIC, 0, garbage, 0, Math.min(3, garbage.length));
      }

      Reading reading = read(join(journal(List.of(alarm(1))), garbage, journal(List.of(alarm(2)))));

      assertThat(reading.texts()).as("round %d", round).containsExactly("line 1", "line 2");
      assertThat(reading.skipped()).isEqualTo(garbage.length);
    }
  }

  @Test
  void aForgedRecordInsideATornOnesValueIsNotTaken() throws IOException {
    byte[] otherKey = HexFormat.of().parseHex("ffeeddccbbaa99887766554433221100");
    String forged =
        new String(RecordWriter.bytes(alarm(666), otherKey), StandardCharsets.ISO_8859_1);
    byte[] carrier =
        RecordWriter.bytes(
            new Record(
                alarm(1).id(),
                Kind.ROUTE.code(),
                ProcessKind.WORKER,
                false,
                false,
                1,
                1,
                1,
                0,
                1,
                1,
                new Fields(
                    List.of(
                        new Fields.Field(
                            "request.vars", forged.getBytes(StandardCharsets.ISO_8859_1)),
                        Samples.field("text", "carrier")))),
            KEY);
    assertThat(read(carrier).texts()).containsExactly("carrier");

    byte[] torn = Arrays.copyOf(carrier, carrier.length - 1);
    Reading reading = read(join(torn, journal(List.of(alarm(2)))));

    assertThat(reading.texts()).containsExactly("line 2");
    assertThat(reading.skipped()).isEqualTo(torn.length);
  }

  @Test
  void aWholeRecordWithinATornOneIsFound() throws IOException {
    // Another process's append can lie behind a torn one only; it is found though the torn length
    // reaches over it.
    byte[] torn = Arrays.copyOf(journal(List.of(alarm(1, "x".repeat(5_000)))), 200);

    assertThat(read(join(torn, journal(List.of(alarm(2))))).texts()).containsExactly("line 2");
  }

  @Test
  void lengthsBeyondTheLimitsAreNotBelievedEvenWithARightCrc() throws IOException {
    for (int length : new int[] {Integer.MIN_VALUE, -1, 0, 63, (1 << 20) + 1, Integer.MAX_VALUE}) {
      byte[] header = Arrays.copyOf(journal(List.of(alarm(1))), Layout.HEADER);
      ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putInt(Layout.LENGTH_AT, length);
      sign(header);

      Reading reading = read(join(header, journal(List.of(alarm(2)))));

      assertThat(reading.texts()).as("length %d", length).containsExactly("line 2");
      assertThat(reading.skipped()).isEqualTo(Layout.HEADER);
    }
  }

  @Test
  void fieldsThatContradictTheirLengthsAreToldApartFromRubbish() throws IOException {
    byte[] bytes = journal(List.of(alarm(1)));
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(Layout.HEADER + 9, 1 << 30);
    sign(bytes);

    Reading reading = read(join(bytes, journal(List.of(alarm(2)))));

    assertThat(reading.malformed()).isEqualTo(1);
    assertThat(reading.texts()).containsExactly("line 2");
    assertThat(reading.skipped()).isZero();
  }

  @Test
  void aRecordOfANewerVersionStopsTheReaderWhereItStands() throws IOException {
    byte[] first = journal(List.of(alarm(1)));
    byte[] newer = journal(List.of(alarm(2)));
    newer[Layout.VERSION_AT] = 2;
    sign(newer);
    Path file = Files.write(directory.resolve("sealed"), join(first, newer));
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, KEY, 0);
      reader.next();

      RecordReader.Newer expected =
          new RecordReader.Newer(2, first.length, first.length + newer.length);
      assertThat(reader.next()).isEqualTo(expected);
      assertThat(reader.next()).isEqualTo(expected);
    }
  }

  @Test
  void rubbishWithTheNewerVersionsNumberIsSkipped() throws IOException {
    byte[] newer = journal(List.of(alarm(2)));
    newer[Layout.VERSION_AT] = 2;
    sign(newer);
    newer[newer.length - 1] ^= 1;

    assertThat(read(join(newer, journal(List.of(alarm(3))))).texts()).containsExactly("line 3");
  }

  @Test
  void recordsLargerThanTheBufferAreRead() throws IOException {
    int header = journal(List.of(alarm(1, ""))).length;
    String largest = "y".repeat(Layout.MAX_LENGTH - header);
    List<Record> records = List.of(alarm(1), alarm(2, largest), alarm(3));

    assertThat(read(journal(records)).texts()).containsExactly("line 1", largest, "line 3");
    assertThat(read(journal(records), 100).texts()).containsExactly("line 1", largest, "line 3");
  }

  @Test
  void recordsAcrossTheBuffersEdgeAreRead() throws IOException {
    List<Record> records = IntStream.range(0, 500).mapToObj(Samples::alarm).toList();
    for (int buffer = 64; buffer < 400; buffer += 7) {
      assertThat(read(journal(records), buffer).records()).as("buffer %d", buffer).hasSize(500);
    }
  }

  @Test
  void readingStartsAtAnOffset() throws IOException {
    byte[] first = journal(List.of(alarm(1)));
    Path file = Files.write(directory.resolve("sealed"), join(first, journal(List.of(alarm(2)))));
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, KEY, first.length);

      assertThat(((RecordReader.Good) reader.next()).record().id()).endsWith("2");
    }
  }

  @Test
  void rawGivesTheBytesOfARecord() throws IOException {
    byte[] bytes = journal(List.of(alarm(1), alarm(2)));
    Path file = Files.write(directory.resolve("sealed"), bytes);
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, KEY, 0);
      RecordReader.Result first = reader.next();

      assertThat(reader.raw(first.offset(), first.end())).isEqualTo(journal(List.of(alarm(1))));
    }
  }

  private static void sign(byte[] record) {
    CRC32C crc = new CRC32C();
    crc.update(KEY);
    crc.update(record, 0, Layout.CRC_AT);
    crc.update(record, Layout.LENGTH_AT, record.length - Layout.LENGTH_AT);
    ByteBuffer.wrap(record)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(Layout.CRC_AT, (int) crc.getValue());
  }
}

package io.uwsgisentry.intake;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.journal.RecordWriter;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/** Writes what a uWSGI instance "shop" with an alarm "seen" would write. */
public final class Journal {
  public static final String SERVER = "5e7a11c0ffee0001";
  public static final String INSTANCE = "shop";
  public static final String HANDLER = "alarm seen";
  static final long HASH = Handler.hash(SERVER, INSTANCE, HANDLER);

  private static final long FIRST_MICROS = 1_800_000_000_000_000L;

  public final JournalDirectory directory;
  private final RecordWriter writer;

  public Journal(Path state) throws IOException {
    directory = JournalDirectory.create(state);
    writer = new RecordWriter(directory.live(), directory.key());
  }

  public static String id(int number) {
    return String.format("%032x", number);
  }

  /** When the record of that number was made. */
  public static Instant time(int number) {
    return Instant.EPOCH.plus(micros(number), ChronoUnit.MICROS);
  }

  public static long micros(int number) {
    return FIRST_MICROS + number;
  }

  public void append(Record record) throws IOException {
    writer.append(record);
  }

  /** Appends bytes as they are, as a writer that dies in the middle does. */
  public void appendBytes(byte[] bytes) throws IOException {
    Files.write(directory.live(), bytes, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  public byte[] bytes(Record record) throws IOException {
    return RecordWriter.bytes(record, directory.key());
  }

  /**
   * The same as a later version of the format would write it: only the head's first part is known
   * to stay.
   */
  public byte[] bytes(Record record, int version) throws IOException {
    byte[] bytes = bytes(record);
    bytes[3] = (byte) version;
    CRC32C crc = new CRC32C();
    crc.update(directory.key());
    crc.update(bytes, 0, 4);
    crc.update(bytes, 8, bytes.length - 8);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(4, (int) crc.getValue());
    return bytes;
  }

  /** An alarm, its id being that number, and a fault of its own. */
  public static Record alarm(int number, String dsn) {
    return alarm(number, dsn, 1_000_000 + number);
  }

  public static Record alarm(int number, String dsn, long foldKey) {
    return record(
        number,
        Kind.ALARM.code(),
        false,
        foldKey,
        "instance",
        INSTANCE,
        "handler",
        HANDLER,
        "options",
        dsn.isEmpty() ? "logger=test" : "dsn=" + dsn + ",logger=test",
        "default",
        "server\0" + SERVER,
        "text",
        "line " + number);
  }

  /** An alarm with a text of so many letters. */
  public static Record wordy(int number, String dsn, int letters) {
    return record(
        number,
        Kind.ALARM.code(),
        false,
        1_000_000 + number,
        "instance",
        INSTANCE,
        "handler",
        HANDLER,
        "options",
        "dsn=" + dsn,
        "default",
        "server\0" + SERVER,
        "text",
        "line " + number + " " + "x".repeat(letters));
  }

  /** A record whose full form was left out. */
  public static Record brief(int number, long foldKey) {
    return record(number, Kind.ALARM.code(), true, foldKey);
  }

  /** The instance's handler with that option string, as written at the start of a server. */
  public static Record configuration(int number, String options) {
    return record(
        number,
        Kind.CONFIGURATION.code(),
        false,
        0,
        "instance",
        INSTANCE,
        "definition",
        HANDLER + "\0" + options,
        "default",
        "server\0" + SERVER);
  }

  /** The same as another server of that name and with that handler would write it. */
  public static Record of(String server, Record record) {
    List<Fields.Field> fields = new ArrayList<>();
    for (Fields.Field field : record.fields().all()) {
      fields.add(
          field.name().equals("default")
              ? new Fields.Field(
                  field.name(), ("server\0" + server).getBytes(StandardCharsets.UTF_8))
              : field);
    }
    return new Record(
        record.id(),
        record.kindCode(),
        record.process(),
        record.brief(),
        false,
        record.timeMicros(),
        record.pid(),
        record.worker(),
        record.core(),
        Handler.hash(server, INSTANCE, HANDLER),
        record.foldKey(),
        new Fields(fields));
  }

  /** What a server's writers dropped, with further fields. */
  public static Record drops(int number, String reason, long count, String... more) {
    String[] fields = Arrays.copyOf(more, more.length + 4);
    fields[more.length] = "instance";
    fields[more.length + 1] = INSTANCE;
    fields[more.length + 2] = "drop";
    fields[more.length + 3] = reason + "\0" + count;
    return record(number, Kind.DROPS.code(), false, 0, fields);
  }

  public static Record record(
      int number, int kind, boolean brief, long foldKey, String... namesAndValues) {
    List<Fields.Field> fields = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.add(
          new Fields.Field(
              namesAndValues[i], namesAndValues[i + 1].getBytes(StandardCharsets.UTF_8)));
    }
    return new Record(
        id(number),
        kind,
        ProcessKind.MASTER,
        brief,
        false,
        micros(number),
        4711,
        0,
        -1,
        HASH,
        foldKey,
        new Fields(fields));
  }
}

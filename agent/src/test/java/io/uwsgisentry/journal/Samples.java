package io.uwsgisentry.journal;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Records for tests. */
final class Samples {
  static final byte[] KEY = HexFormat.of().parseHex("000102030405060708090a0b0c0d0e0f");
  static final long TIME = 1_700_000_000_123_456L;

  private Samples() {}

  /** An alarm with that number in its id and text. */
  static Record alarm(int number) {
    return alarm(number, "line " + number);
  }

  static Record alarm(int number, String text) {
    return new Record(
        String.format("%032x", number),
        Kind.ALARM.code(),
        ProcessKind.MASTER,
        false,
        false,
        TIME + number,
        4711,
        0,
        -1,
        0x1122334455667788L,
        0x99aabbccddeeff00L,
        fields("instance", "shop", "handler", "alarm seen", "options", "dsn=x", "text", text));
  }

  static Fields fields(String... namesAndValues) {
    List<Fields.Field> fields = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.add(field(namesAndValues[i], namesAndValues[i + 1]));
    }
    return new Fields(fields);
  }

  static Fields.Field field(String name, String value) {
    return new Fields.Field(name, value.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * One record of each kind, with every field that the specification names: the golden file's
   * content.
   */
  static List<Record> everyKind() {
    List<Record> records = new ArrayList<>();
    records.add(
        record(
            1,
            Kind.ALARM,
            ProcessKind.MASTER,
            0,
            -1,
            field("instance", "shop"),
            field("handler", "alarm lqfull"),
            field("options", "dsn=https://key@sentry.example/1,logger=uwsgi.sentry"),
            field("default", "host\0web1"),
            field("default", "dsn\0"),
            field("text", "listen queue of socket \"é\" full !!!\n")));
    records.add(
        record(
            2,
            Kind.HOOK,
            ProcessKind.VASSAL,
            0,
            -1,
            field("instance", "shop"),
            field("handler", "hook-asap"),
            field("options", "message=uWSGI IS STARTING")));
    records.add(
        record(
            3,
            Kind.ROUTE,
            ProcessKind.WORKER,
            2,
            7,
            field("instance", "shop"),
            field("handler", "route ^/help #2"),
            field("options", "message=${REQUEST_METHOD},tags=path:${PATH_INFO}"),
            field("option", "message\0PUT"),
            field("tag", "path\0/help"),
            field("extra", "why\0because"),
            field("user", "id\0" + "42"),
            field("fingerprint", "{{ default }}"),
            new Fields.Field("request.vars", vars("REQUEST_METHOD", "PUT", "PATH_INFO", "/help")),
            field("request.started", "1700000000000000"),
            field("request.status", "200")));
    records.add(
        record(
            4,
            Kind.EXCEPTION,
            ProcessKind.WORKER,
            1,
            0,
            field("instance", "shop"),
            field("handler", "exception-handler"),
            field("options", ""),
            field("exception.type", "ValueError"),
            new Fields.Field("exception.value", new byte[] {(byte) 0xff, 0, 'x'}),
            field("exception.repr", "ValueError('x')"),
            new Fields.Field("exception.backtrace", backtrace("app.py", "12", "f", "raise", "")),
            field("exception.plugin", "python")));
    Record full = alarm(5);
    records.add(
        new Record(
            full.id(),
            Kind.ROUTE.code(),
            ProcessKind.WORKER,
            true,
            false,
            TIME + 5,
            4711,
            3,
            65_534,
            full.handlerHash(),
            full.foldKey(),
            new Fields(List.of())));
    records.add(
        record(
            16,
            Kind.CONFIGURATION,
            ProcessKind.MASTER,
            0,
            -1,
            field("instance", "shop"),
            field("definition", "alarm lqfull\0dsn=https://key@sentry.example/1"),
            field("definition", "hook-asap\0message=uWSGI IS STARTING"),
            field("default", "release\0shop@1")));
    records.add(
        record(
            17,
            Kind.DROPS,
            ProcessKind.MASTER,
            0,
            -1,
            field("instance", "shop"),
            field("drop", "disk_full\0" + "3"),
            field("drop", "journal_full\0" + "1000000")));
    return records;
  }

  private static Record record(
      int number, Kind kind, ProcessKind process, int worker, int core, Fields.Field... fields) {
    return new Record(
        String.format("%032x", number),
        kind.code(),
        process,
        false,
        number == 4,
        TIME + number,
        4_000_000_000L,
        worker,
        core,
        -number,
        Long.MAX_VALUE - number,
        new Fields(Arrays.asList(fields)));
  }

  private static byte[] vars(String... keysAndValues) {
    return lengthPrefixed(keysAndValues);
  }

  private static byte[] backtrace(String... parts) {
    return lengthPrefixed(parts);
  }

  private static byte[] lengthPrefixed(String... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String part : parts) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      ByteBuffer length = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN);
      out.writeBytes(length.putShort((short) bytes.length).array());
      out.writeBytes(bytes);
    }
    return out.toByteArray();
  }

  /** The records' bytes, one after another. */
  static byte[] journal(List<Record> records) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    records.forEach(record -> out.writeBytes(RecordWriter.bytes(record, KEY)));
    return out.toByteArray();
  }
}

package io.uwsgisentry.event;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Records as the plugin writes them, always of the same moment. */
final class RecordFixture {
  static final String ID = "0123456789abcdef0123456789abcdef";
  static final long MICROS = 1_700_000_000_123_456L;

  private final Kind kind;
  private final List<Fields.Field> fields = new ArrayList<>();
  private ProcessKind process = ProcessKind.WORKER;
  private boolean brief;
  private boolean cut;
  private int worker = 2;
  private int core = 1;

  private RecordFixture(Kind kind, String handler, String options) {
    this.kind = kind;
    with("instance", "shop").with("handler", handler).with("options", options);
  }

  static RecordFixture alarm(String text, String options) {
    return new RecordFixture(Kind.ALARM, "alarm lqfull", options)
        .from(ProcessKind.MASTER, 0, -1)
        .with("text", text);
  }

  static RecordFixture hook(String handler, String options) {
    return new RecordFixture(Kind.HOOK, handler, options).from(ProcessKind.MASTER, 0, -1);
  }

  static RecordFixture route(String handler, String options) {
    return new RecordFixture(Kind.ROUTE, handler, options);
  }

  static RecordFixture exception(String options) {
    return new RecordFixture(Kind.EXCEPTION, "exception-handler", options);
  }

  /** As the watch writes them, which has no handler of the user's. */
  static RecordFixture captured(Kind kind, String what) {
    return new RecordFixture(kind, "capture " + what, "");
  }

  static RecordFixture of(Kind kind) {
    return new RecordFixture(kind, "", "");
  }

  RecordFixture from(ProcessKind process, int worker, int core) {
    this.process = process;
    this.worker = worker;
    this.core = core;
    return this;
  }

  RecordFixture with(String name, String value) {
    return with(name, value.getBytes(StandardCharsets.UTF_8));
  }

  RecordFixture with(String name, byte[] value) {
    fields.add(new Fields.Field(name, value));
    return this;
  }

  RecordFixture defaults(String... keysAndValues) {
    return pairs("default", keysAndValues);
  }

  /** Repeated fields of one name: {@code key NUL value}. */
  RecordFixture pairs(String name, String... keysAndValues) {
    for (int i = 0; i < keysAndValues.length; i += 2) {
      with(name, keysAndValues[i] + "\0" + keysAndValues[i + 1]);
    }
    return this;
  }

  /** A field whose parts NULs separate. */
  RecordFixture parts(String name, String... parts) {
    return with(name, String.join("\0", parts));
  }

  /** Log lines, one a tenth of a second, the last of them a second before the record. */
  RecordFixture log(String... lines) {
    for (int i = 0; i < lines.length; i++) {
      long time = MICROS - 1_000_000 - 100_000L * (lines.length - 1 - i);
      with("log", time + "\0" + lines[i] + "\n");
    }
    return this;
  }

  /** One of several requests in flight. */
  RecordFixture inFlight(int core, double age, String thread, String... namesAndValues) {
    with("request.core", Integer.toString(core));
    with("request.started", Long.toString(MICROS - (long) (age * 1e6)));
    if (!thread.isEmpty()) {
      with("request.thread", thread);
    }
    return request(namesAndValues);
  }

  RecordFixture request(String... namesAndValues) {
    return with("request.vars", block(namesAndValues));
  }

  RecordFixture backtrace(String... strings) {
    return with("exception.backtrace", block(strings));
  }

  RecordFixture brief() {
    brief = true;
    return this;
  }

  RecordFixture cut() {
    cut = true;
    return this;
  }

  static byte[] block(String... strings) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String string : strings) {
      byte[] bytes = string.getBytes(StandardCharsets.UTF_8);
      out.write(bytes.length & 0xff);
      out.write(bytes.length >> 8);
      out.writeBytes(bytes);
    }
    return out.toByteArray();
  }

  Record record() {
    return new Record(
        ID,
        kind.code(),
        process,
        brief,
        cut,
        MICROS,
        4711L,
        worker,
        core,
        1L,
        2L,
        new Fields(fields));
  }
}

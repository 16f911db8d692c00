package io.uwsgisentry.event;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.testkit.Json;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A record of any fields: kind, then pieces of a field's number, a length and so many bytes. Every
 * parser of what the plugin, Python, the C library and the request put there is behind it. An event
 * must come of it, whatever it holds.
 */
public final class EventFuzz {
  private static final String[] NAMES = {
    "text",
    "stack",
    "backtrace",
    "options",
    "option",
    "tag",
    "extra",
    "user",
    "fingerprint",
    "default",
    "request.vars",
    "request.started",
    "request.status",
    "request.core",
    "request.thread",
    "request.took",
    "exception.type",
    "exception.value",
    "exception.repr",
    "exception.backtrace",
    "exception.plugin",
    "state",
    "log",
    "python.exception",
    "python.frame",
    "python.local",
    "stack.taken",
    "proc",
    "death",
    "backlog",
    "busy",
    "boot",
    "instance",
    "handler"
  };
  private static final Kind[] KINDS = {
    Kind.ALARM,
    Kind.HOOK,
    Kind.ROUTE,
    Kind.EXCEPTION,
    Kind.HARAKIRI,
    Kind.DEATH,
    Kind.SLOW,
    Kind.BACKLOG,
    Kind.BOOT,
    Kind.FAILED,
    Kind.CUT
  };

  /** Without files: what is read from them has tests of its own. */
  private static final EventFactory FACTORY =
      new EventFactory(new Scrubber(), "fuzz", new Host(Path.of("/nonexistent"), "6.1.0", "amd64"));

  private EventFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) throws UnbuildableRecordException {
    if (data.length < 2) {
      return;
    }
    List<Fields.Field> fields = new ArrayList<>();
    for (int at = 1; at + 2 < data.length; ) {
      String name = NAMES[(data[at] & 0xff) % NAMES.length];
      int length = Math.min((data[at + 1] & 0xff) * 4, data.length - at - 2);
      fields.add(new Fields.Field(name, Arrays.copyOfRange(data, at + 2, at + 2 + length)));
      at += 2 + length;
    }
    Record record =
        new Record(
            "0123456789abcdef0123456789abcdef",
            KINDS[(data[0] & 0xff) % KINDS.length].code(),
            ProcessKind.WORKER,
            false,
            data[0] < 0,
            1_700_000_000_000_000L,
            4711,
            1,
            0,
            1,
            1,
            new Fields(fields));
    // It throws if building failed, whatever was the reason.
    Event event = FACTORY.build(record, HandlerSettings.of(record));
    if (event.payload().length > EventFactory.MAX_PAYLOAD) {
      throw new IllegalStateException("an event of " + event.payload().length + " bytes");
    }
    Object id = Json.object(new String(event.payload(), StandardCharsets.UTF_8)).get("event_id");
    if (!"0123456789abcdef0123456789abcdef".equals(id)) {
      throw new IllegalStateException("event_id " + id);
    }
  }
}

package io.uwsgisentry.bench;

import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.journal.RecordWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Records as a route rule writes them for a browser's request: about 1 KiB. */
final class Samples {
  private static final Map<String, String> VARS =
      Map.ofEntries(
          Map.entry("REQUEST_METHOD", "GET"),
          Map.entry("REQUEST_URI", "/orders/4711/items?page=2&sort=name"),
          Map.entry("PATH_INFO", "/orders/4711/items"),
          Map.entry("QUERY_STRING", "page=2&sort=name"),
          Map.entry("SERVER_PROTOCOL", "HTTP/1.1"),
          Map.entry("SERVER_NAME", "shop.example.com"),
          Map.entry("SERVER_PORT", "443"),
          Map.entry("REMOTE_ADDR", "203.0.113.7"),
          Map.entry("REMOTE_PORT", "51234"),
          Map.entry("HTTP_HOST", "shop.example.com"),
          Map.entry(
              "HTTP_USER_AGENT",
              "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
          Map.entry(
              "HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
          Map.entry("HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5"),
          Map.entry("HTTP_ACCEPT_ENCODING", "gzip, deflate, br"),
          Map.entry("HTTP_COOKIE", "session=abcdef0123456789; theme=dark"),
          Map.entry("HTTPS", "on"));

  private final Random random = new Random(1);
  private final List<Fields.Field> common = new ArrayList<>();

  Samples(String dsn) {
    field("instance", "shop");
    field("handler", "route ^/");
    field("options", "level=info,logger=bench,message=a request came");
    field("default", "dsn\0" + dsn);
    field("default", "environment\0production");
    field("default", "release\0shop@1.2.3");
    field("default", "host\0web-1");
    field("default", "uwsgi\0" + "2.0.21");
    field("request.started", "1700000000000000");
    common.add(new Fields.Field("request.vars", vars()));
  }

  private void field(String name, String value) {
    common.add(new Fields.Field(name, value.getBytes(StandardCharsets.UTF_8)));
  }

  private static byte[] vars() {
    ByteBuffer block = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
    VARS.forEach(
        (key, value) -> {
          block.putShort((short) key.length()).put(key.getBytes(StandardCharsets.UTF_8));
          block.putShort((short) value.length()).put(value.getBytes(StandardCharsets.UTF_8));
        });
    byte[] bytes = new byte[block.position()];
    block.flip().get(bytes);
    return bytes;
  }

  /** Appends so many to the journal of that directory. */
  void write(Path state, int records, long fault) throws IOException {
    JournalDirectory journal = JournalDirectory.at(state);
    byte[] key = journal.key();
    try (OutputStream out =
        new BufferedOutputStream(
            Files.newOutputStream(
                journal.live(), StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
      for (int i = 0; i < records; i++) {
        out.write(RecordWriter.bytes(next(fault), key));
      }
    }
  }

  /** A fault of its own. */
  Record next() {
    return next(random.nextLong());
  }

  private Record next(long fault) {
    long micros = Instant.now().toEpochMilli() * 1000;
    return new Record(
        "%016x%016x".formatted(random.nextLong(), random.nextLong()),
        Kind.ROUTE.code(),
        ProcessKind.WORKER,
        false,
        false,
        micros,
        4711,
        1 + random.nextInt(4),
        0,
        7,
        fault,
        new Fields(common));
  }
}

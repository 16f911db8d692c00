package io.uwsgisentry.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Holds the format to what was once written. After a change that is meant, remove {@code
 * testdata/journal/written-by-java-v1.journal}: the test writes it anew and fails once.
 */
class RecordGoldenTest {
  private static final Path DIRECTORY = Path.of("..", "testdata", "journal");
  private static final Path GOLDEN = DIRECTORY.resolve("written-by-java-v1.journal");
  private static final Path BY_C = DIRECTORY.resolve("written-by-c-v1.journal");

  @Test
  void theWriterWritesWhatItAlwaysWrote() throws IOException {
    byte[] bytes = Samples.journal(Samples.everyKind());
    if (!Files.exists(GOLDEN)) {
      Files.write(GOLDEN, bytes);
      throw new AssertionError(GOLDEN + " was missing and is written now: look at it, commit it");
    }

    assertThat(Files.readAllBytes(GOLDEN)).isEqualTo(bytes);
  }

  @Test
  void whatWasOnceWrittenIsRead() throws IOException {
    List<Record> records = read(GOLDEN);

    assertThat(records)
        .extracting(Record::kind)
        .containsExactly(
            Kind.ALARM,
            Kind.HOOK,
            Kind.ROUTE,
            Kind.EXCEPTION,
            Kind.ROUTE,
            Kind.CONFIGURATION,
            Kind.DROPS);
    Record route = records.get(2);
    assertThat(route.id()).isEqualTo("00000000000000000000000000000003");
    assertThat(route.instance()).isEqualTo("shop");
    assertThat(route.handler()).isEqualTo("route ^/help #2");
    assertThat(route.process()).isEqualTo(ProcessKind.WORKER);
    assertThat(route.worker()).isEqualTo(2);
    assertThat(route.core()).isEqualTo(7);
    assertThat(route.pid()).isEqualTo(4_000_000_000L);
    assertThat(route.time()).hasToString("2023-11-14T22:13:20.123459Z");
    assertThat(route.fields().pairs("option")).containsEntry("message", "PUT");
    assertThat(records.get(3).cut()).isTrue();
    assertThat(records.get(4).brief()).isTrue();
    assertThat(records.get(6).fields().pairs("drop")).containsEntry("journal_full", "1000000");
  }

  @Test
  void whatThePluginWritesIsRead() throws IOException {
    List<Record> records = read(BY_C);

    assertThat(records).extracting(Record::kind).containsExactly(Kind.ALARM, Kind.ROUTE, Kind.HOOK);
    Record alarm = records.get(0);
    assertThat(alarm.id()).isEqualTo("000102030405060708090a0b0c0d0e0f");
    assertThat(alarm.process()).isEqualTo(ProcessKind.MASTER);
    assertThat(alarm.pid()).isEqualTo(4711);
    assertThat(alarm.worker()).isZero();
    assertThat(alarm.core()).isEqualTo(-1);
    assertThat(alarm.time()).hasToString("2023-11-14T22:13:20.123456Z");
    assertThat(alarm.instance()).isEqualTo("shop");
    assertThat(alarm.handler()).isEqualTo("alarm lqfull");
    assertThat(alarm.fields().text("text")).isEqualTo("queue 101 é ");
    Record route = records.get(1);
    assertThat(route.worker()).isEqualTo(3);
    assertThat(route.core()).isEqualTo(2);
    assertThat(route.process()).isEqualTo(ProcessKind.WORKER);
    assertThat(route.fields().pairs("option")).containsEntry("message", "help GET");
    assertThat(route.fields().pairs("tag")).containsEntry("path", "");
    assertThat(route.fields().text("request.started")).isEqualTo("1700000000000001");
    assertThat(records.get(2).brief()).isTrue();
    assertThat(records.get(2).fields().all()).isEmpty();
  }

  @Test
  void handlersAreHashedAsThePluginHashesThem() throws IOException {
    assertThat(read(BY_C))
        .extracting(Record::handlerHash)
        .containsExactly(
            Handler.hash("5e7a11c0ffee0001", "shop", "alarm lqfull"),
            Handler.hash("5e7a11c0ffee0001", "shop", "route ^/help"),
            Handler.hash("5e7a11c0ffee0001", "shop", "hook-asap"));
  }

  private static List<Record> read(Path file) throws IOException {
    List<Record> records = new ArrayList<>();
    try (FileChannel channel = FileChannel.open(file)) {
      RecordReader reader = new RecordReader(channel, Samples.KEY, 0);
      while (reader.next() instanceof RecordReader.Good good) {
        records.add(good.record());
      }
      assertThat(reader.next()).isInstanceOf(RecordReader.End.class);
    }
    return records;
  }
}

package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.InstanceOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FootprintTest {
  private static final long MIB = 1 << 20;
  private static final long LARGE = 1L << 40;

  private static Footprint of(long megabytes, long free, long held) {
    return Footprint.of(
        new Disk(new Volume(megabytes * MIB, free), held),
        0,
        Bounds.DEFAULT,
        Footprint.USUAL_JOURNAL);
  }

  @Test
  void theDocumentedTableIsTheOneOfTheCode() throws IOException {
    Footprint usual = of(LARGE / MIB, LARGE, 0);
    String docs =
        Files.readString(Path.of("").toAbsolutePath().getParent().resolve("docs/operations.md"));
    String table = docs.substring(docs.indexOf("<!-- disk:"), docs.indexOf("<!-- end -->"));
    assertThat(row(table, "`journal/`")).containsExactly(usual.journal() / MIB, 4);
    assertThat(row(table, "`outbox.db`")).containsExactly(usual.database() / MIB, 9);
    assertThat(row(table, "`outbox.db-wal`")).containsExactly(usual.log() / MIB, 3);
    assertThat(row(table, "`reserve`")).containsExactly(usual.reserve() / MIB, 2);
    assertThat(row(table, "`agent.log`, `agent.log.1`")).containsExactly(usual.agentLog() / MIB, 1);
    assertThat(usual.shrunk()).isFalse();
    assertThat(usual.total()).isEqualTo(Footprint.USUAL_TOTAL);
    assertThat(usual.total() / MIB + 20).as("with runtime/").isBetween(460L, 480L);

    // Of a quarter that is as small as to give each its share.
    long quarter = 24 * MIB;
    Footprint small = of(96, 4 * quarter, 0);
    assertThat(small.journal()).isEqualTo(4 * MIB);
    assertThat(small.database()).isEqualTo(9 * MIB);
    assertThat(small.log()).isEqualTo(3 * MIB);
    assertThat(small.reserve()).isEqualTo(2 * MIB);
    assertThat(small.agentLog()).isEqualTo(MIB);
  }

  private static long[] row(String table, String part) {
    Matcher matcher =
        Pattern.compile(Pattern.quote("| " + part + " | ") + "(\\d+) MB .* (\\d+)/24 \\|\n")
            .matcher(table);
    assertThat(matcher.find()).as(part).isTrue();
    return new long[] {Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2))};
  }

  @ParameterizedTest
  @ValueSource(longs = {24, 48, 200, 1000, 4000, 100_000})
  void allTogetherTakeNoMoreThanAQuarterOfWhatIsFree(long megabytes) {
    long free = megabytes * MIB;
    Footprint footprint = of(megabytes, free, 0);
    assertThat(footprint.total()).isLessThanOrEqualTo(free / 4);
    assertThat(footprint.bounds().waitingBytes()).isPositive();
    assertThat((long) footprint.bounds().eventBytes())
        .isLessThanOrEqualTo(footprint.database() / 8);
    assertThat(footprint.bytesAtOnce()).isPositive();
    // In the log and in the database.
    assertThat(footprint.reserve()).isGreaterThanOrEqualTo(2 * footprint.spare());
    assertThat(footprint.reserve())
        .isGreaterThanOrEqualTo(footprint.logBeforeCheckpoint() + footprint.spare());
  }

  @Test
  void whatIsHeldAlreadyCountsAsFree() {
    Footprint before = of(48, 48 * MIB, 0);
    assertThat(of(48, 40 * MIB, 8 * MIB)).isEqualTo(before);
  }

  @Test
  void aDatabaseIsNotMadeSmallerBecauseOthersHaveFilledTheVolume() {
    Footprint full =
        Footprint.of(
            new Disk(new Volume(48 * MIB, 0), 4 * MIB),
            4 * MIB,
            Bounds.DEFAULT,
            Footprint.USUAL_JOURNAL);
    assertThat(full.database()).isEqualTo(4 * MIB);
    assertThat(of(48, 20 * MIB, 4 * MIB).isWorthMoreThan(full)).isFalse();
    assertThat(of(48, 44 * MIB, 4 * MIB).database()).isGreaterThan(4 * MIB);
    assertThat(of(200, 196 * MIB, 4 * MIB).isWorthMoreThan(full)).isTrue();
    assertThat(full.isWorthMoreThan(full)).isFalse();
  }

  @Test
  void whatWaitsIsNotDiscardedBecauseTheVolumeIsFullAtTheStart() {
    long present = 200 * MIB;
    Footprint full =
        Footprint.of(
            new Disk(new Volume(1000 * MIB, 0), present),
            present,
            Bounds.DEFAULT,
            Footprint.USUAL_JOURNAL);
    assertThat(full.bounds().waitingBytes()).isEqualTo(present);
    assertThat(full.bounds().keptBytes()).isLessThanOrEqualTo(Bounds.DEFAULT.keptBytes());
    assertThat(full.bounds().historyBytes()).isLessThan(Bounds.DEFAULT.historyBytes());
  }

  @Test
  void whatTheOptionsAllowIsNotExceededOnALargeVolume() {
    Bounds asked = Bounds.of(Map.of(InstanceOption.OUTBOX_MAX, "2m", InstanceOption.HISTORY, "0"));
    Footprint footprint =
        Footprint.of(new Disk(new Volume(LARGE, LARGE), 0), 0, asked, Footprint.USUAL_JOURNAL);
    assertThat(footprint.bounds()).isEqualTo(asked);
    assertThat(footprint.database()).isLessThan(4 * MIB);
  }

  @Test
  void aVolumeThatDoesNotSayHowLargeItIsBoundsNothing() {
    assertThat(of(0, 0, 0).shrunk()).isFalse();
    assertThat(new Volume(0, 0).isFull()).isFalse();
  }

  @Test
  void aVolumeIsFullWhenLessThanATwentiethOfItIsFree() {
    assertThat(new Volume(100 * MIB, 5 * MIB).isFull()).isFalse();
    assertThat(new Volume(100 * MIB, 5 * MIB - 1).isFull()).isTrue();
    assertThat(new Volume(LARGE, 256 * MIB).isFull()).isFalse();
    assertThat(new Volume(LARGE, 256 * MIB - 1).isFull()).isTrue();
  }
}

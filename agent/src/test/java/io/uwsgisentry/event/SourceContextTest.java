package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.redaction.Scrubber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourceContextTest {
  private static final Instant RAN = Instant.ofEpochSecond(1_700_000_000);

  @TempDir Path root;

  @Test
  void fiveLinesAreOnEitherSide() throws IOException {
    write("/srv/a.py", lines(20));
    SentryStackFrame frame = frame("/srv/a.py", 10);
    assertThat(frame.getContextLine()).isEqualTo("  line 10");
    assertThat(frame.getPreContext())
        .containsExactly("  line 5", "  line 6", "  line 7", "  line 8", "  line 9");
    assertThat(frame.getPostContext())
        .containsExactly("  line 11", "  line 12", "  line 13", "  line 14", "  line 15");
  }

  @Test
  void atTheEndsOfAFileThereAreFewer() throws IOException {
    write("/srv/a.py", "one\r\ntwo\r\nthree");
    assertThat(frame("/srv/a.py", 1).getPreContext()).isEmpty();
    assertThat(frame("/srv/a.py", 1).getContextLine()).isEqualTo("one");
    assertThat(frame("/srv/a.py", 3).getContextLine()).isEqualTo("three");
    assertThat(frame("/srv/a.py", 3).getPostContext()).isEmpty();
    for (int line : new int[] {4, 0, -1, Integer.MAX_VALUE}) {
      assertThat(frame("/srv/a.py", line).getContextLine()).isNull();
    }
    write("/srv/empty.py", "");
    assertThat(frame("/srv/empty.py", 1).getContextLine()).isNull();
  }

  @Test
  void aFileThatWasChangedSinceIsNotWhatRan() throws IOException {
    Path file = write("/srv/a.py", lines(3));
    Files.setLastModifiedTime(file, FileTime.from(RAN.plusMillis(1)));
    assertThat(frame("/srv/a.py", 1).getContextLine()).isNull();
  }

  @Test
  void aFileThatWasReadBeforeIsReadAgainOnceItChanged() throws IOException {
    Path file = write("/srv/a.py", "old\n");
    SourceContext sources = new SourceContext(new HostFixture(root).machine());
    assertThat(frame(sources, "/srv/a.py", 1).getContextLine()).isEqualTo("old");
    Files.writeString(file, "new\n");
    Files.setLastModifiedTime(file, FileTime.from(RAN.minusSeconds(5)));
    assertThat(frame(sources, "/srv/a.py", 1).getContextLine()).isEqualTo("new");
  }

  @Test
  void aLinkIsFollowedToSourceCodeOnly() throws IOException {
    write("/srv/real.py", "open\n");
    write("/srv/secret.yaml", "hush\n");
    Files.createSymbolicLink(root.resolve("srv/near.py"), Path.of("real.py"));
    Files.createSymbolicLink(root.resolve("srv/far.py"), Path.of("/srv/near.py"));
    Files.createSymbolicLink(root.resolve("srv/leak.py"), Path.of("secret.yaml"));
    Files.createSymbolicLink(root.resolve("srv/farleak.py"), Path.of("/srv/leak.py"));
    Files.createSymbolicLink(root.resolve("srv/loop.py"), Path.of("loop.py"));
    assertThat(frame("/srv/near.py", 1).getContextLine()).isEqualTo("open");
    assertThat(frame("/srv/far.py", 1).getContextLine()).isEqualTo("open");
    for (String name : new String[] {"/srv/leak.py", "/srv/farleak.py", "/srv/loop.py"}) {
      assertThat(frame(name, 1).getContextLine()).as(name).isNull();
    }
  }

  @Test
  void onlyWhatMayBeSourceCodeIsOpened() throws IOException {
    write("/etc/shadow", "root:hush\n");
    write("/srv/key.pem", "hush\n");
    write("/srv/large.py", "x".repeat((2 << 20) + 1));
    Files.createDirectories(root.resolve("srv/directory.py"));
    for (String name :
        new String[] {
          "/etc/shadow",
          "/srv/key.pem",
          "/srv/large.py",
          "/srv/directory.py",
          "/srv/none.py",
          "srv/a.py",
          "",
          "/\0.py",
          "/srv/" + "x".repeat(300) + ".py",
          "/srv/" + "x/".repeat(4000) + ".py"
        }) {
      assertThat(frame(name, 1).getContextLine()).as(name).isNull();
    }
  }

  @Test
  void manyFilesAreNotAllKept() throws IOException {
    SourceContext sources = new SourceContext(new HostFixture(root).machine());
    for (int i = 0; i < 20; i++) {
      write("/srv/f" + i + ".py", ("x".repeat(99) + "\n").repeat(10_000));
      assertThat(frame(sources, "/srv/f" + i + ".py", 10_000).getContextLine()).hasSize(99);
    }
    assertThat(sources.keptBytes()).isLessThanOrEqualTo(2 << 20);
  }

  @Test
  void linesAreBoundedAndWithoutSecrets() throws IOException {
    write("/srv/a.py", "DB = 'postgres://joe:hush@db/x'\n" + "é".repeat(5000) + "\n\0\n");
    SentryStackFrame frame = frame("/srv/a.py", 1);
    assertThat(frame.getContextLine()).isEqualTo("DB = 'postgres://joe:[Filtered]@db/x'");
    assertThat(frame.getPostContext().get(0)).hasSize(256).endsWith("...");
    assertThat(frame.getPostContext().get(1)).isEqualTo("\ufffd");
  }

  private SentryStackFrame frame(String name, int line) {
    return frame(new SourceContext(new HostFixture(root).machine()), name, line);
  }

  private static SentryStackFrame frame(SourceContext sources, String name, int line) {
    SentryStackFrame frame = new SentryStackFrame();
    sources.add(frame, name, line, RAN, new Scrubber());
    return frame;
  }

  private Path write(String name, String text) throws IOException {
    new HostFixture(root).file(name, text);
    return root.resolve(name.substring(1));
  }

  private static String lines(int count) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(i -> "  line " + i)
        .collect(Collectors.joining("\n", "", "\n"));
  }
}

package io.uwsgisentry.agent;

import io.uwsgisentry.console.Text;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.log.Log.Level;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The agent's own log, {@code <dir>/agent.log}: never uWSGI's, whose {@code alarm-log} would match
 * it and feed it back. When it reaches its size it becomes {@code agent.log.1}, replacing the one
 * before.
 *
 * <p>What is logged holds no DSN's key or secret; that is the caller's to see to. A log that cannot
 * be written is silent: the agent goes on. Thread-safe.
 */
final class AgentLog implements AutoCloseable {
  static final long MAX_BYTES = 1 << 20;

  /** Always three digits of a second: the lines of a log stand below each other. */
  private static final DateTimeFormatter FORM =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSX", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  /** Which part of the agent a line is from; each has a row in {@code docs/operations.md}. */
  enum Component {
    AGENT,
    JOURNAL,
    DATABASE,
    DELIVERY
  }

  private final Path file;
  private final Clock clock;
  private final long maxBytes;
  private @Nullable OutputStream out;
  private long bytes;

  private AgentLog(Path file, Clock clock, long maxBytes) throws IOException {
    this.file = file;
    this.clock = clock;
    this.maxBytes = maxBytes;
    this.out = stream(file);
    this.bytes = Files.size(file);
  }

  static AgentLog open(Path directory, Clock clock) throws IOException {
    return open(directory, clock, MAX_BYTES);
  }

  static AgentLog open(Path directory, Clock clock, long maxBytes) throws IOException {
    return new AgentLog(directory.resolve("agent.log"), clock, maxBytes);
  }

  /** A stream, since a channel is closed for all when a thread that is interrupted writes to it. */
  private static OutputStream stream(Path file) throws IOException {
    FileChannel.open(
            file,
            Set.of(
                StandardOpenOption.WRITE,
                StandardOpenOption.APPEND,
                StandardOpenOption.CREATE,
                LinkOption.NOFOLLOW_LINKS),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))
        .close();
    return Files.newOutputStream(
        file, StandardOpenOption.WRITE, StandardOpenOption.APPEND, LinkOption.NOFOLLOW_LINKS);
  }

  /** The log of one part of the agent. */
  Log of(Component component) {
    return (level, text) -> write(level, component, text);
  }

  /**
   * Writes {@code TIME LEVEL component: TEXT}, further lines of the text indented; {@code
   * docs/operations.md} has the form. What servers and applications put into it can neither begin
   * an entry of its own nor move a terminal's cursor.
   */
  private synchronized void write(Level level, Component component, String text) {
    String line =
        FORM.format(clock.instant())
            + " "
            + level
            + " "
            + component.name().toLowerCase(Locale.ROOT)
            + ": "
            + Text.lines(text.stripTrailing()).replace("\n", "\n    ")
            + "\n";
    byte[] encoded = line.getBytes(StandardCharsets.UTF_8);
    try {
      if (bytes > 0 && bytes + encoded.length > maxBytes) {
        close();
        Files.move(
            file,
            file.resolveSibling(file.getFileName() + ".1"),
            StandardCopyOption.REPLACE_EXISTING);
      }
      OutputStream to = out;
      if (to == null) {
        to = stream(file);
        out = to;
        bytes = Files.size(file);
      }
      to.write(encoded);
      bytes += encoded.length;
    } catch (IOException e) {
      // A full disk, mostly. What matters is counted in the outbox.
    }
  }

  @Override
  public synchronized void close() throws IOException {
    OutputStream open = out;
    out = null;
    if (open != null) {
      open.close();
    }
  }
}

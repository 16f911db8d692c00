package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * {@code <dir>/changes}: what others did to a state directory under its agent, and what that cost.
 * A file and not a table, since the database may be what was removed. An agent that ends for such a
 * change writes a line; whatever stands in the directory is left as it is.
 */
public final class Changes {
  private static final String NAME = "changes";
  private static final int MOST_BYTES = 64 << 10;

  /**
   * One of them.
   *
   * @param what a sentence
   * @param lost events that were still to be sent, and that nobody can send any more
   */
  public record Change(Instant time, String what, long lost) {}

  private Changes() {}

  /** Adds one; nothing where there is no directory. */
  public static void add(Path directory, Change change) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Path file = directory.resolve(NAME);
    String line =
        change.time().truncatedTo(ChronoUnit.SECONDS)
            + "\t"
            + change.lost()
            + "\t"
            + change.what().replaceAll("\\p{Cntrl}", " ")
            + "\n";
    try {
      if (Files.size(file) > MOST_BYTES) {
        Files.delete(file);
      }
    } catch (NoSuchFileException e) {
      // The first one.
    }
    try (var channel =
        Files.newByteChannel(
            file,
            Set.of(
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.APPEND,
                LinkOption.NOFOLLOW_LINKS),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      channel.write(StandardCharsets.UTF_8.encode(line));
    }
  }

  /** All of them, oldest first; what is no such line is left out. */
  public static List<Change> of(Path directory) throws IOException {
    Path file = directory.resolve(NAME);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    List<Change> changes = new ArrayList<>();
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    for (String line : text.split("\n", -1)) {
      String[] parts = line.split("\t", 3);
      if (parts.length == 3 && parts[1].matches("[0-9]{1,18}")) {
        try {
          changes.add(new Change(Instant.parse(parts[0]), parts[2], Long.parseLong(parts[1])));
        } catch (DateTimeException e) {
          // Somebody edited it.
        }
      }
    }
    return changes;
  }
}

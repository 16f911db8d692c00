package io.uwsgisentry.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A renamed {@code live}: nothing new is meant for it, though an append that had begun before the
 * rename may still arrive.
 *
 * @param name {@code sealed-<32 hex digits>}, never used again
 */
public record SealedFile(Path path, String name) {

  public FileChannel open() throws IOException {
    return FileChannel.open(path, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
  }

  /** Its size; 0 if it is gone. */
  public long bytes() {
    return path.toFile().length();
  }

  /** Removes it; it is no fault if it is gone. */
  public void unlink() throws IOException {
    Files.deleteIfExists(path);
  }
}

package io.uwsgisentry.outbox;

import java.io.File;
import java.nio.file.Path;

/**
 * The volume that the state directory is on, at one moment.
 *
 * @param whole bytes, used ones included; 0: it does not say
 * @param free bytes that a process without privileges may still take
 */
public record Volume(long whole, long free) {
  private static final int KEPT_SHARE = 20;
  private static final long KEPT_MOST = 256L << 20;

  /** That of an existing file or directory. */
  public static Volume of(Path path) {
    // Not by a FileStore: that reads the table of all mounts, and this is asked before each write.
    File file = path.toFile();
    return new Volume(file.getTotalSpace(), file.getUsableSpace());
  }

  /**
   * What must stay free: the last twentieth, of a large volume no more than the server needs to
   * live. {@code native/journal/volume.c} keeps the same.
   */
  public long kept() {
    return Math.min(whole / KEPT_SHARE, KEPT_MOST);
  }

  /** Whether nothing may be added to it. */
  public boolean isFull() {
    return whole > 0 && free < kept();
  }
}

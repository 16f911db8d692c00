package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Waits between two looks into the journal, until the kernel announces that a writer made {@code
 * live}, or the time is over. Owned by the agent's main thread; only {@link #close} may be called
 * by others.
 *
 * <p><b>A look is what counts, an announcement only makes it sooner.</b> There are file systems
 * that announce nothing of what another machine or mount writes, directories that were replaced,
 * limits on watches. So one is trusted only after a record that it announced, and until a look
 * finds one that it did not; the looks of an agent whose watch is not trusted are as frequent as
 * those of one that has none.
 */
final class JournalWatch implements AutoCloseable {
  /** Between two looks where nothing announces records, a moment after the last one and later. */
  private static final Duration BUSY = Duration.ofMillis(20);

  private static final Duration IDLE = Duration.ofMillis(500);

  /** The same where announcements come. */
  private static final Duration TRUSTED = Duration.ofSeconds(1);

  /** Its writer has made the file and is about to write; others follow in a moment. */
  private static final Duration MOMENT = Duration.ofMillis(5);

  private static final Path LIVE = Path.of("live");

  private final Supplier<Path> directory;
  private final Lifetime lifetime;
  private final @Nullable WatchService service;
  private @Nullable WatchKey key;
  private boolean announced;
  private boolean trusted;

  /**
   * @param directory the journal's, as it stands
   */
  JournalWatch(Supplier<Path> directory, Lifetime lifetime) {
    this.directory = directory;
    this.lifetime = lifetime;
    this.service = service();
    watch();
    lifetime.onSignal(this::close);
  }

  private static @Nullable WatchService service() {
    try {
      return FileSystems.getDefault().newWatchService();
    } catch (IOException | UnsupportedOperationException e) {
      // The user's watches are used up: then there are looks.
      return null;
    }
  }

  private void watch() {
    if (key != null) {
      key.cancel();
    }
    key = null;
    if (service != null) {
      try {
        key = directory.get().register(service, StandardWatchEventKinds.ENTRY_CREATE);
      } catch (IOException | ClosedWatchServiceException e) {
        // As above; it is tried again when something was found.
      }
    }
  }

  /** What the look after the last wait found. */
  void looked(boolean any) throws InterruptedException {
    if (any) {
      if (!announced) {
        // It may have come between the wait and the look.
        pause(BUSY);
      }
      if (!announced) {
        watch();
      }
      trusted = announced && key != null;
    }
    announced = false;
  }

  /**
   * How long to wait for the next record.
   *
   * @param idle whether there was none for a while
   */
  Duration rest(boolean idle) {
    return trusted ? TRUSTED : idle ? IDLE : BUSY;
  }

  /** Whether records are announced, judging by those so far. */
  boolean trusted() {
    return trusted;
  }

  /** Waits that long at most; a signal ends the wait, too. */
  void pause(Duration longest) throws InterruptedException {
    long end = System.nanoTime() + longest.toNanos();
    WatchKey watched = key;
    if (service == null || watched == null || lifetime.signalled()) {
      lifetime.pause(longest);
      return;
    }
    try {
      long left = longest.toNanos();
      do {
        WatchKey told = service.poll(Math.max(0, left), TimeUnit.NANOSECONDS);
        if (told != null && read(told)) {
          announced = true;
          lifetime.pause(MOMENT);
        }
        left = end - System.nanoTime();
      } while (!announced && left > 0);
    } catch (ClosedWatchServiceException e) {
      key = null;
    }
  }

  /** Whether a writer made a file; the agent's own renames are announced as well. */
  private boolean read(WatchKey told) {
    boolean any = false;
    for (WatchEvent<?> event : told.pollEvents()) {
      any |= event.kind() == StandardWatchEventKinds.OVERFLOW || LIVE.equals(event.context());
    }
    if (!told.reset()) {
      // The directory is gone.
      trusted = false;
      key = null;
    }
    return any;
  }

  @Override
  public void close() {
    if (service != null) {
      try {
        service.close();
      } catch (IOException e) {
        // It ends with the process.
      }
    }
  }
}

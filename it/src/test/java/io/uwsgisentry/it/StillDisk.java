package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A disk that stands still: while it does, a library that is preloaded into the server waits in
 * each opening of the journal's {@code live}, as the kernel would.
 */
final class StillDisk {
  private final Path still;
  private final Path waiting;
  private final String library;

  private StillDisk(Path directory) {
    this.still = directory.resolve("still");
    this.waiting = directory.resolve("still.waiting");
    this.library = directory.resolve("still.so").toString();
  }

  static StillDisk of(Scene scene) {
    StillDisk disk = new StillDisk(scene.directory());
    Path source =
        scene.file(
            "still.c",
            """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <fcntl.h>
            #include <stdarg.h>
            #include <string.h>
            #include <unistd.h>

            int openat(int dir, const char *name, int flags, ...) {
              static int (*real)(int, const char *, int, ...);
              va_list more;
              va_start(more, flags);
              int mode = va_arg(more, int);
              va_end(more);
              if (!real) *(void **) &real = dlsym(RTLD_NEXT, "openat");
              while (!strcmp(name, "live") && !access("${dir}/still", F_OK)) {
                int fd = real(AT_FDCWD, "${dir}/still.waiting", O_WRONLY | O_CREAT, 0666);
                if (fd >= 0) close(fd);
                usleep(2000);
              }
              return real(dir, name, flags, mode);
            }

            int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
            """);
    try {
      int compiled =
          scene
              .command("cc", "-shared", "-fPIC", "-o", disk.library, source.toString(), "-ldl")
              .start()
              .waitFor();
      assumeTrue(compiled == 0, "needs a C compiler");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
    return disk;
  }

  UwsgiServer under(UwsgiServer server) {
    return server.environment("LD_PRELOAD", library);
  }

  void stop() {
    touch(still);
  }

  /** Until somebody waits for it. */
  void awaitWaiting() {
    await("somebody to wait for the disk").atMost(Patience.SOON).until(() -> Files.exists(waiting));
  }

  boolean stillWaits() {
    return Files.exists(still) && Files.exists(waiting);
  }

  void goOn() {
    try {
      Files.delete(still);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void touch(Path file) {
    try {
      Files.createFile(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

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
 * each write to the journal's {@code live}, as the kernel would.
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
            #include <stdio.h>
            #include <string.h>
            #include <sys/uio.h>
            #include <unistd.h>

            static int is_live(int fd) {
              char link[64], name[4096];
              snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
              ssize_t n = readlink(link, name, sizeof(name) - 1);
              name[n > 0 ? n : 0] = 0;
              return strstr(name, "/journal/live") != NULL;
            }

            ssize_t writev(int fd, const struct iovec *pieces, int count) {
              static ssize_t (*real)(int, const struct iovec *, int);
              if (!real) *(void **) &real = dlsym(RTLD_NEXT, "writev");
              while (!access("${dir}/still", F_OK) && is_live(fd)) {
                int there = open("${dir}/still.waiting", O_WRONLY | O_CREAT, 0666);
                if (there >= 0) close(there);
                usleep(2000);
              }
              return real(fd, pieces, count);
            }
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

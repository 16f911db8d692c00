package io.uwsgisentry.it;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/**
 * Sees to it that no process and no file of a test run outlives it, not even when the JVM is
 * killed.
 *
 * <p>Every process that a test starts carries {@code SENTRY_IT_RUN=<id>} in its environment, and
 * its children inherit it: uWSGI makes new sessions, re-executes itself and leaves orphans, so
 * neither process groups nor parents would find them all. A shell in a session of its own waits for
 * the end of our JVM's pipe and then kills what still carries the mark and removes the files.
 */
final class Reaper {
  private static final String SCRIPT =
      """
      cat >/dev/null
      for round in 1 2 3; do
        for file in /proc/[0-9]*/environ; do
          if tr '\\0' '\\n' 2>/dev/null <"$file" | grep -qx "SENTRY_IT_RUN=$1"; then
            pid=${file#/proc/}
            kill -9 "${pid%/environ}" 2>/dev/null
          fi
        done
      done
      grep -o " $2/[^ ]*" /proc/mounts | while read -r mount; do umount -l "$mount"; done
      rm -rf --one-file-system "$2"
      """;

  private static final Reaper OF_THIS_RUN = new Reaper();

  private final String run = UUID.randomUUID().toString();
  private final Path directory;

  /** Held open until this JVM ends; its end is what the shell waits for. */
  private final OutputStream lifeline;

  /** A long random number in a path may be that of a card, which events do not show. */
  private static Path createDirectory() throws IOException {
    Path parent = Path.of(System.getProperty("java.io.tmpdir"));
    for (int i = 1; ; i++) {
      try {
        return Files.createDirectory(
            parent.resolve("uwsgi-sentry-it-" + ProcessHandle.current().pid() + "-" + i));
      } catch (FileAlreadyExistsException e) {
        // Of a process of this number that was killed.
      }
    }
  }

  private Reaper() {
    try {
      directory = createDirectory();
      // A server that gave up root must still be able to reach its files.
      Files.setPosixFilePermissions(
          directory, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
      Process shell =
          new ProcessBuilder("setsid", "sh", "-c", SCRIPT, "reaper", run, directory.toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      lifeline = shell.getOutputStream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Reaper ofThisRun() {
    return OF_THIS_RUN;
  }

  /** The directory that goes with the run. */
  Path directory() {
    return directory;
  }

  /** Marks a process to be started, and all that it will start. */
  void mark(ProcessBuilder builder, String scene) {
    if (lifeline == null) {
      throw new IllegalStateException("nobody would reap it");
    }
    builder.environment().put("SENTRY_IT_RUN", run);
    builder.environment().put("SENTRY_IT_SCENE", scene);
  }

  /** Kills what is left of one scene and returns when it is gone. */
  static void reap(String scene) {
    long end = System.nanoTime() + Patience.SOON.toNanos();
    while (System.nanoTime() < end) {
      var left = Processes.withEnvironment("SENTRY_IT_SCENE=" + scene);
      if (left.isEmpty()) {
        return;
      }
      left.forEach(process -> Processes.signal(process.pid(), "KILL"));
    }
    throw new AssertionError("cannot end " + Processes.withEnvironment("SENTRY_IT_SCENE=" + scene));
  }
}

package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Other processes as {@code /proc} shows them. A process that ends while it is looked at counts as
 * gone.
 */
final class Processes {
  private static final Path PROC = Path.of("/proc");

  private Processes() {}

  /** One process: its id and its command line, arguments separated by single spaces. */
  record Running(long pid, String command) {}

  /** Every process, zombies left out, whose environment holds this {@code NAME=value}. */
  static List<Running> withEnvironment(String entry) {
    return find(
        directory -> {
          String environment = "\0" + text(directory.resolve("environ")) + "\0";
          return environment.contains("\0" + entry + "\0");
        });
  }

  /** Every process, zombies left out, whose command line holds all of these words. */
  static List<Running> withCommand(String... words) {
    return find(
        directory -> {
          String command = text(directory.resolve("cmdline"));
          for (String word : words) {
            if (!command.contains(word)) {
              return false;
            }
          }
          return true;
        });
  }

  /** Whether the tests run as root, and so may change users, mount and change roots. */
  static boolean root() {
    return uid(ProcessHandle.current().pid()) == 0;
  }

  static boolean alive(long pid) {
    String stat = text(PROC.resolve(Long.toString(pid)).resolve("stat"));
    int end = stat.lastIndexOf(')');
    return end > 0 && stat.length() > end + 2 && stat.charAt(end + 2) != 'Z';
  }

  static long parent(long pid) {
    return number(pid, "PPid:");
  }

  /** The processes that this one started and that are still its own. */
  static List<Long> children(long pid) {
    return find(directory -> parent(Long.parseLong(directory.getFileName().toString())) == pid)
        .stream()
        .map(Running::pid)
        .toList();
  }

  /** The process's effective user id. */
  static long uid(long pid) {
    return number(pid, "Uid:");
  }

  /**
   * Waits until a uWSGI, with a master or without, an emperor or not, has put its handlers on the
   * signals by which it is told what to do, or has ended. One that comes earlier ends it on the
   * spot, its workers still there, or is taken by the interpreter of its application and forgotten.
   */
  static void awaitMinding(long pid) {
    await("process " + pid + " to mind signals").until(() -> !alive(pid) || minds(pid));
  }

  private static boolean minds(long pid) {
    String caught = field(pid, "SigCgt:");
    // HUP and INT, and USR1, which is among the last; Python has one on INT too.
    long all = 1L << 0 | 1L << 1 | 1L << 9;
    return !caught.isEmpty() && (Long.parseUnsignedLong(caught, 16) & all) == all;
  }

  /** Sends a signal by its name without SIG, and says nothing if the process is gone. */
  static void signal(long pid, String name) {
    signal(List.of(pid), name);
  }

  /** The same to one after the other, as fast as a process can. */
  static void signal(List<Long> pids, String name) {
    StringBuilder command = new StringBuilder("kill -" + name);
    for (long pid : pids) {
      if (pid <= 1) {
        throw new IllegalArgumentException("not a process to signal: " + pid);
      }
      command.append(' ').append(pid);
    }
    try {
      new ProcessBuilder("sh", "-c", command.toString())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static List<Running> find(Predicate<Path> wanted) {
    long own = ProcessHandle.current().pid();
    List<Running> found = new ArrayList<>();
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path directory : directories) {
        long pid = Long.parseLong(directory.getFileName().toString());
        if (pid != own && wanted.test(directory) && alive(pid)) {
          found.add(new Running(pid, text(directory.resolve("cmdline")).replace('\0', ' ').trim()));
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    return found;
  }

  private static long number(long pid, String name) {
    String[] values = field(pid, name).split("\\s+");
    return values[0].isEmpty() ? -1 : Long.parseLong(values[values.length > 1 ? 1 : 0]);
  }

  /** A line of the process's status without its name, empty for none. */
  private static String field(long pid, String name) {
    for (String line : text(PROC.resolve(Long.toString(pid)).resolve("status")).split("\n")) {
      if (line.startsWith(name)) {
        return line.substring(name.length()).trim();
      }
    }
    return "";
  }

  private static String text(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}

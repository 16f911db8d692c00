package io.uwsgisentry.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What the kernel says of a process. */
final class Proc {
  private Proc() {}

  /** The one process whose command line holds all of these words, each of them whole. */
  static Optional<Long> find(String... words) {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        String line = "\0" + read(process.resolve("cmdline"));
        boolean all = true;
        for (String word : words) {
          all &= line.contains("\0" + word + "\0");
        }
        if (all) {
          return Optional.of(Long.parseLong(process.getFileName().toString()));
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<String> command(long pid) {
    return List.of(read(Path.of("/proc/" + pid + "/cmdline")).split("\0"));
  }

  /** Resident memory in MiB, now ({@code VmRSS}) or at most so far ({@code VmHWM}). */
  static double mebibytes(long pid, String field) {
    return read(Path.of("/proc/" + pid + "/status"))
        .lines()
        .filter(line -> line.startsWith(field + ":"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024)
        .findFirst()
        .orElse(Double.NaN);
  }

  /**
   * Its proportional set size in MiB: a page that n processes share counts as 1/n; 0 if it ended.
   */
  static double proportional(long pid) {
    return read(Path.of("/proc/" + pid + "/smaps_rollup"))
        .lines()
        .filter(line -> line.startsWith("Pss:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024)
        .sum();
  }

  /** Processor time of all its threads that still live, in nanoseconds. */
  static long processorNanos(long pid) {
    long nanos = 0;
    try (DirectoryStream<Path> tasks =
        Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
      for (Path task : tasks) {
        String stat = read(task.resolve("schedstat"));
        nanos += stat.isEmpty() ? 0 : Long.parseLong(stat.split(" ")[0]);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return nanos;
  }

  /** Processor time of the whole process, ended threads too, in hundredths of a second. */
  static long processorTicks(long pid) {
    String stat = read(Path.of("/proc/" + pid + "/stat"));
    String[] field = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return Long.parseLong(field[11]) + Long.parseLong(field[12]);
  }

  /** Whether its session asks for less of the processors than others get. */
  static boolean hasSmallShare(long pid) {
    return read(Path.of("/proc/" + pid + "/autogroup")).matches("(?s).* nice [1-9].*");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return "";
    } catch (IOException e) {
      // "No such process": it ended while we read.
      return "";
    }
  }
}

package io.uwsgisentry.event;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The machine that the agent runs on, which is the server's (or shares its files): what it is, and
 * where its files are.
 *
 * @param root what absolute names start from; {@code /} but in tests
 * @param kernel the kernel's release, {@code 6.1.0-18-amd64}
 * @param arch as Java calls it: {@code amd64}, {@code aarch64}
 */
record Host(Path root, String kernel, String arch) {
  private static final int MAX_OS_RELEASE = 65_536;
  private static final List<String> PROGRAMS =
      List.of("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin");

  static Host here() {
    return new Host(
        Path.of("/"), System.getProperty("os.version", ""), System.getProperty("os.arch", ""));
  }

  /** Where a file of that absolute name is; null if the name is none. */
  @Nullable Path file(String absolute) {
    if (!absolute.startsWith("/") || absolute.length() > 4096 || absolute.indexOf('\0') >= 0) {
      return null;
    }
    try {
      return root.resolve(Path.of(absolute.substring(1))).normalize();
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /** The absolute name of a program that was started by its bare name; null if there is none. */
  @Nullable String program(String name) {
    if (name.isEmpty() || name.contains("/")) {
      return null;
    }
    for (String directory : PROGRAMS) {
      String absolute = directory + "/" + name;
      Path file = file(absolute);
      if (file != null && Files.isRegularFile(file)) {
        return absolute;
      }
    }
    return null;
  }

  /** Sentry's context {@code os}. */
  Map<String, Object> os() {
    Map<String, Object> os = new LinkedHashMap<>();
    os.put("name", "Linux");
    put(os, "version", kernel);
    Map<String, String> release = release();
    put(os, "distribution_name", release.get("ID"));
    put(os, "distribution_version", release.get("VERSION_ID"));
    put(os, "distribution_pretty_name", release.get("PRETTY_NAME"));
    return os;
  }

  /** {@code /etc/os-release}, as freedesktop.org's page of that name tells. */
  private Map<String, String> release() {
    for (String name : List.of("/etc/os-release", "/usr/lib/os-release")) {
      Path file = file(name);
      try {
        if (file != null && Files.isRegularFile(file) && Files.size(file) <= MAX_OS_RELEASE) {
          return assignments(Files.readString(file));
        }
      } catch (IOException e) {
        // A machine may hide it or have written nonsense: then the event tells the kernel alone.
        return Map.of();
      }
    }
    return Map.of();
  }

  private static Map<String, String> assignments(String text) {
    Map<String, String> values = new LinkedHashMap<>();
    for (String line : text.split("\n", -1)) {
      int equals = line.indexOf('=');
      if (equals > 0) {
        String value = line.substring(equals + 1).strip();
        boolean quoted =
            value.length() >= 2
                && (value.startsWith("\"") || value.startsWith("'"))
                && value.charAt(value.length() - 1) == value.charAt(0);
        values.put(
            line.substring(0, equals).strip(),
            quoted ? value.substring(1, value.length() - 1) : value);
      }
    }
    return values;
  }

  private static void put(Map<String, Object> map, String key, @Nullable String value) {
    if (value != null && !value.isEmpty()) {
      map.put(key, Limits.shortened(Limits.clean(value), 128));
    }
  }
}

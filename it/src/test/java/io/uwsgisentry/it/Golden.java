package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A whole event against a file of {@code captured/}, in which all that differs between two runs or
 * two machines is masked. {@code -Dgolden=write} writes the files anew: read the difference before
 * committing.
 */
final class Golden {
  private static final Path DIRECTORY = Path.of("src/test/resources/captured");

  /** Keys whose values are masked wherever they stand; that they are there stays visible. */
  private static final Set<String> MASKED =
      Set.of(
          "event_id",
          "timestamp",
          "server_name",
          "pid",
          "master_pid",
          "memory_kib",
          "memory_before_death_kib",
          "request_milliseconds",
          "milliseconds",
          "request_took_milliseconds",
          "stack_taken",
          "thread_id",
          "seconds",
          "seconds_since_it_was_started",
          "syscall",
          "wchan",
          "started",
          "uptime_seconds",
          "worker_uptime_seconds",
          "plugin_version",
          "REMOTE_PORT",
          "SERVER_NAME");

  private final Scene scene;

  Golden(Scene scene) {
    this.scene = scene;
  }

  void holds(String name, Map<String, Object> event) {
    String actual = write(mask("", event, event), 0) + "\n";
    Path file = DIRECTORY.resolve(name + ".json");
    try {
      if ("write".equals(System.getProperty("golden"))) {
        Files.createDirectories(DIRECTORY);
        Files.writeString(file, actual);
        return;
      }
      assertThat(actual).as(name).isEqualTo(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Object mask(String key, Object value, Map<?, ?> parent) {
    if (value instanceof Map<?, ?> map) {
      if (key.equals("os")) {
        return Map.of("name", map.get("name"));
      }
      Map<String, Object> masked = new TreeMap<>();
      map.forEach((k, v) -> masked.put(k.toString(), mask(k.toString(), v, map)));
      // What is installed on this machine.
      masked.remove("modules");
      return masked;
    }
    if (value instanceof List<?> list) {
      if (key.equals("params")) {
        return "<params>";
      }
      if (ofTheLibrary(parent) && key.endsWith("_context")) {
        return "<source>";
      }
      List<Object> masked = new ArrayList<>();
      list.forEach(item -> masked.add(mask("", item, Map.of())));
      return masked;
    }
    if (MASKED.contains(key)) {
      return "<" + key.toLowerCase(java.util.Locale.ROOT) + ">";
    }
    if (key.equals("id") && parent.containsKey("stacktrace")) {
      return "<thread_id>";
    }
    if (key.equals("version")) {
      return "<version>";
    }
    if (ofTheLibrary(parent) && (key.equals("lineno") || key.equals("context_line"))) {
      return "<" + key + ">";
    }
    return value instanceof String text ? mask(text) : value;
  }

  /** Python's own files, and what is installed for it, differ between its versions and places. */
  private static boolean ofTheLibrary(Map<?, ?> frame) {
    return frame.get("abs_path") instanceof String path
        && path.matches("/usr/.*|.*/lib/python3[^/]*/.*|<frozen .*");
  }

  private String mask(String text) {
    return text.replace(Installation.ofThisRun().apps().toString(), "<apps>")
        .replace(scene.directory().toString(), "<dir>")
        .replace(":" + scene.expand("${port}"), ":<port>")
        .replaceAll("^" + scene.expand("${port}") + "$", "<port>")
        .replaceAll("0x[0-9a-f]{6,16}\\b", "<address>")
        .replaceAll("\\.cpython-3\\d+[a-z0-9_-]*\\.so\\+0x[0-9a-f]+", ".so+<offset>")
        .replaceAll("\\b\\d+(\\.\\d)? s\\b", "<seconds> s")
        .replaceAll("\\b\\d+ ms\\b", "<milliseconds> ms")
        .replaceAll("'SERVER_(NAME|PORT)': '[^']*'", "'SERVER_$1': '<>'")
        .replaceAll("uwsgi_spoolfile_on_\\w+", "<spoolfile>")
        .replaceAll("\\bpid:? \\d+", "pid <pid>")
        .replaceAll("\\b2\\.0\\.\\d+(-debian)?\\b", "<uwsgi>")
        .replaceAll("python3\\.\\d+", "python3")
        .replaceAll("^/.*/lib/python3/", "/usr/lib/python3/")
        .replace("/site-packages/", "/dist-packages/");
  }

  private static String write(Object value, int depth) {
    String pad = "  ".repeat(depth);
    StringBuilder out = new StringBuilder();
    if (value instanceof Map<?, ?> map && !map.isEmpty()) {
      List<String> lines = new ArrayList<>();
      map.forEach(
          (k, v) -> lines.add(pad + "  " + quote(k.toString()) + ": " + write(v, depth + 1)));
      return out.append("{\n")
          .append(String.join(",\n", lines))
          .append("\n" + pad + "}")
          .toString();
    }
    if (value instanceof List<?> list && !list.isEmpty()) {
      List<String> lines = new ArrayList<>();
      list.forEach(item -> lines.add(pad + "  " + write(item, depth + 1)));
      return out.append("[\n")
          .append(String.join(",\n", lines))
          .append("\n" + pad + "]")
          .toString();
    }
    if (value instanceof Map) {
      return "{}";
    }
    if (value instanceof List) {
      return "[]";
    }
    return value instanceof String text ? quote(text) : String.valueOf(value);
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        default -> out.append(c < ' ' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
      }
    }
    return out.append('"').toString();
  }
}

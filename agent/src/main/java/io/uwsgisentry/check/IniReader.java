package io.uwsgisentry.check;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Reads an ini as uWSGI does, without running anything: it tells on which line an option stands,
 * and takes uWSGI's place where that is not installed or refuses the file.
 *
 * <p>It knows sections, includes, {@code %n} and its kin, {@code $(VARIABLE)}, {@code
 * %(placeholder)}, {@code @(file)}, loops and conditions. What it cannot know (whether a plugin is
 * there, the output of a command) it takes as written and says so.
 */
final class IniReader {
  private static final int MAX_DEPTH = 20;
  private static final Set<String> INCLUDES = Set.of("ini", "include", "inherit", "config");
  private static final Set<String> ENDS = Set.of("end", "endfor", "endif", "end-for", "end-if");

  private final Map<String, String> environment;
  private final Path directory;
  private final List<CheckedLine> lines = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final List<String> raw = new ArrayList<>();
  private @Nullable Block block;
  private Path last;

  /** The loop or condition that the reader is in: what its body becomes for each {@code %(_)}. */
  private record Block(List<String> items) {}

  private IniReader(Map<String, String> environment, Path directory, Path file) {
    this.environment = environment;
    this.directory = directory;
    this.last = file;
  }

  /**
   * @param file with or without a section: {@code app.ini}, {@code app.ini:production}
   * @param directory that relative names of included files start from
   * @throws IOException if the file, or one that it includes, cannot be read
   */
  static IniReader read(String file, Map<String, String> environment, Path directory)
      throws IOException {
    Target target = Target.of(file, Path.of(""));
    IniReader reader = new IniReader(environment, directory, target.file());
    reader.file(target, 0);
    reader.resolveAll();
    return reader;
  }

  /**
   * {@code FILE:SECTION}; the section is {@code uwsgi} if none is named, the file the last one if
   * only a section is.
   */
  private record Target(Path file, String section) {
    static Target of(String text, Path last) {
      int colon = text.lastIndexOf(':');
      String file = colon < 0 ? text : text.substring(0, colon);
      String section =
          colon < 0 || colon == text.length() - 1 ? "uwsgi" : text.substring(colon + 1);
      return new Target(file.isEmpty() ? last : Path.of(file), section);
    }
  }

  List<CheckedLine> lines() {
    return lines;
  }

  List<String> notes() {
    return notes;
  }

  /** The files' lines as they stand there. */
  List<String> raw() {
    return raw;
  }

  private void file(Target target, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException(
          "files include each other more than " + MAX_DEPTH + " deep: " + target.file());
    }
    Path path = directory.resolve(target.file());
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new IOException(path + " is no plain file"); // opening a FIFO would wait for ever
    }
    last = target.file();
    String section = "";
    boolean found = false;
    int number = 0;
    // Bytes that are no UTF-8 are replaced, not refused: uWSGI does not look at them either.
    for (String line :
        new String(Files.readAllBytes(path), StandardCharsets.UTF_8).split("\n", -1)) {
      number++;
      raw.add(line);
      String text = Placeholders.magic(line, path, directory, environment).strip();
      if (text.startsWith("[")) {
        section = text.substring(1, text.length() - 1);
      } else if (!text.isEmpty()
          && !text.startsWith(";")
          && !text.startsWith("#")
          && section.equals(target.section())) {
        found = true;
        int equals = text.indexOf('=');
        String key = equals < 0 ? text : text.substring(0, equals).strip();
        String value = equals < 0 ? "" : text.substring(equals + 1).strip();
        option(new CheckedLine(key, value, target.file(), number), depth);
        last = target.file();
      }
    }
    if (!found) {
      notes.add(target.file() + " has no section [" + target.section() + "], or nothing in it");
    }
  }

  private void option(CheckedLine line, int depth) throws IOException {
    if (ENDS.contains(line.key())) {
      block = null;
    } else if (block != null) {
      for (String item : block.items()) {
        add(
            new CheckedLine(
                line.key(), line.value().replace("%(_)", item), line.file(), line.number()),
            depth);
      }
    } else {
      add(line, depth);
    }
  }

  private void add(CheckedLine line, int depth) throws IOException {
    String key = line.key();
    if (key.startsWith("for") || key.startsWith("if")) {
      Block opened = opened(key, line.value());
      if (opened != null) {
        block = opened;
        return;
      }
    }
    lines.add(line);
    if (key.equals("set") || key.equals("set-placeholder") || key.equals("set-ph")) {
      int equals = line.value().indexOf('=');
      if (equals > 0) {
        lines.add(
            new CheckedLine(
                line.value().substring(0, equals),
                line.value().substring(equals + 1),
                line.file(),
                line.number()));
      }
    } else if (INCLUDES.contains(key)) {
      include(line, depth);
    }
  }

  private void include(CheckedLine line, int depth) throws IOException {
    String value = line.value();
    if (value.contains("://")) {
      notes.add(line.where() + " includes " + value + ", which was not looked at");
      return;
    }
    Target target = Target.of(value, last);
    if (!value.startsWith(":")
        && line.key().equals("include")
        && !target.file().toString().endsWith(".ini")) {
      notes.add(line.where() + " includes " + value + ", which is no ini and was not looked at");
      return;
    }
    if (!Files.isReadable(directory.resolve(target.file()))) {
      notes.add(
          line.where()
              + " includes "
              + value
              + ", which is not there or cannot be read (uWSGI looks from the directory it is started in)");
      return;
    }
    file(target, depth + 1);
  }

  private @Nullable Block opened(String key, String value) {
    boolean not = key.startsWith("if-not-");
    String test = key.startsWith("if") ? key.replaceFirst("^if-?(not-)?", "") : key;
    return switch (test) {
      case "for" -> new Block(List.of(value.strip().split(" +")));
      case "for-times" -> new Block(times(value));
      case "env" -> when(not, environment.get(name(value)), wanted(value));
      case "opt" -> when(not, first(name(value)), wanted(value));
      case "exists" -> when(not, Files::exists, value);
      case "file" -> when(not, Files::isRegularFile, value);
      case "dir", "directory" -> when(not, Files::isDirectory, value);
      case "reload" -> new Block(not ? List.of("") : List.of());
      case "for-glob", "for-readline", "plugin", "hostname", "hostname-match" -> {
        notes.add(
            "'"
                + key
                + " = "
                + value
                + "' was not evaluated: what it holds was taken once, as written");
        yield new Block(List.of(value));
      }
      default -> null;
    };
  }

  private static List<String> times(String value) {
    List<String> items = new ArrayList<>();
    int times = value.matches("[0-9]{1,4}") ? Integer.parseInt(value) : 0;
    for (int i = 1; i <= times; i++) {
      items.add(Integer.toString(i));
    }
    return items;
  }

  private static String name(String test) {
    int equals = test.indexOf('=');
    return equals < 0 ? test : test.substring(0, equals);
  }

  private static @Nullable String wanted(String test) {
    int equals = test.indexOf('=');
    return equals < 0 ? null : test.substring(equals + 1);
  }

  private static Block when(boolean not, @Nullable String found, @Nullable String wanted) {
    boolean holds = found != null && (wanted == null || wanted.equals(found));
    return new Block(holds == not ? List.of() : List.of(found == null ? "" : found));
  }

  private Block when(boolean not, Predicate<Path> test, String file) {
    return new Block(test.test(directory.resolve(file)) == not ? List.of() : List.of(file));
  }

  /**
   * Variables in all options, then files in all, then placeholders in all: uWSGI's three passes.
   */
  private void resolveAll() {
    resolve('$', environment::get);
    resolve('@', this::contents);
    resolve('%', this::first);
  }

  private void resolve(char symbol, Function<String, @Nullable String> lookup) {
    for (int i = 0; i < lines.size(); i++) {
      CheckedLine line = lines.get(i);
      String value = Placeholders.resolved(line.value(), symbol, lookup);
      lines.set(i, new CheckedLine(line.key(), value, line.file(), line.number()));
    }
  }

  private @Nullable String first(String key) {
    for (CheckedLine line : lines) {
      if (line.key().equals(key)) {
        return line.value();
      }
    }
    return null;
  }

  private @Nullable String contents(String file) {
    try {
      return file.contains("://")
          ? null
          : Files.readString(directory.resolve(file)).stripTrailing();
    } catch (IOException e) {
      notes.add(String.format(Locale.ROOT, "@(%s) could not be read", file));
      return null;
    }
  }
}

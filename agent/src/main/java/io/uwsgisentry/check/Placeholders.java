package io.uwsgisentry.check;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What uWSGI replaces in a configuration: {@code %n} while it reads a line, {@code $(X)},
 * {@code @(X)} and {@code %(X)} at the end.
 */
final class Placeholders {
  /** A value that refers to itself would grow for ever. */
  private static final int MAX_REPLACEMENTS = 200;

  private Placeholders() {}

  /**
   * Replaces {@code %n} and its kin; unknown ones vanish, as they do in uWSGI.
   *
   * @param file that the line stands in
   * @param directory that uWSGI is started in
   */
  static String magic(String line, Path file, Path directory, Map<String, String> environment) {
    if (line.indexOf('%') < 0) {
      return line;
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c != '%' || i + 1 == line.length()) {
        out.append(c);
        continue;
      }
      out.append(magic(line.charAt(++i), file, directory, environment));
    }
    return out.toString();
  }

  private static String magic(char c, Path file, Path directory, Map<String, String> environment) {
    Path full = file.toAbsolutePath().normalize();
    String name = String.valueOf(full.getFileName());
    String parent = String.valueOf(full.getParent());
    int dot = name.lastIndexOf('.');
    return switch (c) {
      case '%' -> "%";
      case '(' -> "%(";
      case 'p' -> full.toString();
      case 'o' -> file.toString();
      case 's' -> name;
      case 'n' -> dot < 0 ? name : name.substring(0, dot);
      case 'e' -> dot < 0 ? "" : name.substring(dot + 1);
      case 'd' -> parent.equals("/") ? "/" : parent + "/";
      case 'c' -> parent.substring(parent.lastIndexOf('/') + 1);
      case 'v' -> directory.toAbsolutePath().normalize().toString();
      case 'h' -> environment.getOrDefault("HOSTNAME", "");
      case 'U' -> System.getProperty("user.name", "");
      default -> part(parent, c);
    };
  }

  /** {@code %0} is the first part of the directory's path, and so on. */
  private static String part(String parent, char c) {
    String[] parts = parent.replaceFirst("^/", "").split("/");
    return c >= '0' && c <= '9' && c - '0' < parts.length ? parts[c - '0'] : "";
  }

  /**
   * As uWSGI does it: after each replacement it starts again behind the first character, so that
   * what a value refers to is resolved too, unless it stands at the very start.
   */
  static String resolved(String value, char symbol, Function<String, @Nullable String> lookup) {
    String text = value;
    int start = -1;
    int depth = 0;
    int replacements = 0;
    boolean marked = false;
    for (int j = 0; j < text.length() && replacements < MAX_REPLACEMENTS; j++) {
      char c = text.charAt(j);
      if (c == symbol) {
        marked = true;
        start = -1;
      } else if (c == '(' && marked && start < 0) {
        start = j + 1;
        depth = 0;
      } else if (start < 0) {
        marked = false;
      } else if (c == '(') {
        depth++;
      } else if (c == ')' && depth > 0) {
        depth--;
      } else if (c == ')') {
        String found = j == start ? null : lookup.apply(text.substring(start, j));
        if (found != null) {
          text = text.substring(0, start - 2) + found + text.substring(j + 1);
          replacements++;
          j = 0;
        }
        start = -1;
        marked = false;
      }
    }
    return text;
  }
}

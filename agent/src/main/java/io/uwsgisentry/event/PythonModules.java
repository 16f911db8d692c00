package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which module a Python file is. An exception tells that itself; a stack that was taken from
 * outside names only files. As Python finds a module from a file's place, so is the place read
 * backwards: from the entry of {@code sys.path} that the file is below, and where the record has no
 * path, from where the file's packages begin, the directories with an {@code __init__.py}.
 */
final class PythonModules {
  private static final String SOURCE = ".py";
  private static final int MOST_PACKAGES = 12;

  private static final Pattern NAME = Pattern.compile("[\\w&&[^\\d]]\\w*(?:\\.[\\w&&[^\\d]]\\w*)*");

  private final Host machine;
  private final List<String> path = new ArrayList<>();

  PythonModules(Host machine, @Nullable String workingDirectory, Record record) {
    this.machine = machine;
    String entries = record.fields().text("python.path");
    for (String entry : entries == null ? new String[0] : entries.split("\0")) {
      if (entry.startsWith("/")) {
        path.add(directory(entry));
      } else if (workingDirectory != null) {
        // An empty entry is the working directory itself.
        boolean itself = entry.isEmpty() || entry.equals(".");
        path.add(directory(workingDirectory) + (itself ? "" : directory(entry)));
      }
    }
  }

  /** The dotted name; empty where none can be told. */
  String of(String file) {
    if (!file.startsWith("/") || !file.endsWith(SOURCE)) {
      return "";
    }
    String root = "";
    for (String entry : path) {
      if (file.startsWith(entry) && entry.length() > root.length()) {
        root = entry;
      }
    }
    String name = root.isEmpty() ? "" : name(file.substring(root.length()));
    return name.isEmpty() ? name(file.substring(beginOfPackages(file))) : name;
  }

  private static String directory(String path) {
    return path.endsWith("/") ? path : path + "/";
  }

  private static String name(String file) {
    String stem = file.substring(0, file.length() - SOURCE.length());
    String module = stem.endsWith("/__init__") ? stem.substring(0, stem.lastIndexOf('/')) : stem;
    String dotted = module.replace('/', '.');
    return NAME.matcher(dotted).matches() ? dotted : "";
  }

  /** Where in a file's name the outermost of its packages begins. */
  private int beginOfPackages(String file) {
    int begin = file.lastIndexOf('/') + 1;
    for (int i = 0; i < MOST_PACKAGES && begin > 1; i++) {
      Path init = machine.file(file.substring(0, begin) + "__init__.py");
      if (init == null || !Files.exists(init)) {
        break;
      }
      begin = file.lastIndexOf('/', begin - 2) + 1;
    }
    return begin;
  }
}

package io.uwsgisentry.event;

import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.redaction.Redaction;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Makes Sentry's frames of a scripting language's: which code is the application's own, where a
 * file is, and what its source says. For one event; not shared between threads.
 */
final class ScriptFrames {
  private static final int MAX_VARS = 50;
  private static final int MAX_VALUE = 2048;

  /** What others wrote, or came with the language. */
  private static final Pattern LIBRARY =
      Pattern.compile(
          "/site-packages/|/dist-packages/|/lib(?:64)?/python\\d?(?:\\.\\d+)?/|/python\\d[\\d.]*\\.zip/"
              + "|/gems/|/vendor/|/lib/ruby/|/usr/share/(?:php|rubygems-integration)/|/usr/(?:share|lib(?:/[^/]+)?)/perl");

  private static final List<String> LIBRARY_ROOTS =
      List.of("/site-packages/", "/dist-packages/", "/gems/");

  private static final Pattern PYTHON = Pattern.compile("/lib(?:64)?/python(3\\.\\d{1,3})/");

  private final SourceContext sources;
  private final Instant ran;
  private final Redaction redaction;
  private final @Nullable String workingDirectory;
  private @Nullable String pythonVersion;

  ScriptFrames(SourceContext sources, RecordContext incident) {
    this.sources = sources;
    this.ran = incident.record().time();
    this.redaction = incident.redaction();
    this.workingDirectory = incident.settings().workingDirectory();
    this.pythonVersion = incident.settings().pythonVersion();
  }

  /**
   * @param file as the language names it; empty: not known
   * @param line from 1; else not known
   * @param module dotted; empty: not known
   * @param text the source line, where the language gives it itself
   * @param locals names and renderings of local variables
   */
  SentryStackFrame frame(
      String file,
      int line,
      String function,
      String module,
      String text,
      Map<String, String> locals) {
    SentryStackFrame frame = new SentryStackFrame();
    frame.setFunction(
        function.isEmpty() ? "<unknown>" : Limits.shortened(Limits.clean(function), 256));
    if (isNamed(module)) {
      frame.setModule(Limits.shortened(Limits.clean(module), 256));
    }
    if (line > 0) {
      frame.setLineno(line);
    }
    if (!file.isEmpty()) {
      file(frame, Limits.clean(file), module, line);
    }
    if (!text.isEmpty() && frame.getContextLine() == null) {
      frame.setContextLine(
          Limits.shortened(Limits.clean(Limits.filtered(text, 512, redaction::text)), 512));
    }
    Map<String, Object> vars = vars(locals);
    if (!vars.isEmpty()) {
      frame.setVars(vars);
    }
    return frame;
  }

  /**
   * Whether a module has a name of its own. uWSGI names that of a file which it loads after the
   * file's path; that differs from machine to machine and would make each release an issue of its
   * own.
   */
  static boolean isNamed(String module) {
    return !module.isEmpty() && !module.startsWith("uwsgi_file_") && !module.equals("__main__");
  }

  /**
   * Python's version as the server told it, else as the path of a frame of its library does; null
   * if neither.
   */
  @Nullable String pythonVersion() {
    return pythonVersion;
  }

  private void file(SentryStackFrame frame, String file, String module, int line) {
    boolean code = !file.startsWith("<");
    String absolute = file.startsWith("/") ? file : code ? inWorkingDirectory(file) : null;
    frame.setFilename(Limits.shortened(relative(file, module), 256));
    if (absolute != null) {
      frame.setAbsPath(Limits.shortened(absolute, 1024));
      sources.add(frame, absolute, line, ran, redaction);
    }
    frame.setInApp(code && !LIBRARY.matcher(file).find());
    Matcher python = pythonVersion == null && code ? PYTHON.matcher(file) : null;
    if (python != null && python.find()) {
      pythonVersion = python.group(1);
    }
  }

  private @Nullable String inWorkingDirectory(String file) {
    return workingDirectory == null || !workingDirectory.startsWith("/")
        ? null
        : workingDirectory + (workingDirectory.endsWith("/") ? "" : "/") + file;
  }

  /**
   * The path within the library or the application, the same on every machine. With a module's name
   * it is as long as that name ({@code shop.cart} is {@code shop/cart.py}), else it is from the
   * working directory, and of files elsewhere the path as it is.
   */
  private String relative(String file, String module) {
    for (String library : LIBRARY_ROOTS) {
      int at = file.lastIndexOf(library);
      if (at >= 0) {
        return file.substring(at + library.length());
      }
    }
    Matcher python = PYTHON.matcher(file);
    if (python.find()) {
      return file.substring(python.end());
    }
    if (workingDirectory != null && file.startsWith(workingDirectory + "/")) {
      return file.substring(workingDirectory.length() + 1);
    }
    if (!file.startsWith("/") || module.isEmpty()) {
      return file;
    }
    String stem = file.substring(1).replaceFirst("\\.[A-Za-z]{1,4}$", "");
    String path = module.replace('.', '/');
    for (String tail : List.of("/" + path, "/" + path + "/__init__")) {
      if (("/" + stem).endsWith(tail)) {
        return file.substring(1 + stem.length() - tail.length() + 1);
      }
    }
    return file.substring(file.lastIndexOf('/') + 1);
  }

  private Map<String, Object> vars(Map<String, String> locals) {
    Map<String, Object> vars = new LinkedHashMap<>();
    locals.forEach(
        (name, rendering) -> {
          if (vars.size() < MAX_VARS) {
            vars.put(
                Limits.shortened(Limits.clean(name), 100),
                Limits.shortened(
                    Limits.clean(
                        Limits.filtered(
                            rendering, MAX_VALUE, text -> redaction.variable(name, text))),
                    MAX_VALUE));
          }
        });
    return vars;
  }
}

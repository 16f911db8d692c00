package io.uwsgisentry.check;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Has uWSGI itself expand a configuration, and stops it before it does anything with it.
 *
 * <p>{@code --show-config} alone would go on to start the server, and before that run the hooks of
 * the phase {@code asap}. So two hooks of that phase come before those of the file: the first calls
 * the function behind {@code --show-config}, the second exits. At that moment uWSGI has read the
 * file and has opened no socket, written no log or pid file, run no command of the file's. What it
 * runs even earlier ({@code @(exec://…)}, {@code flock} and the like) is looked for first, in
 * {@link #runsSomething}.
 */
final class UwsgiExpansion {
  private static final long PATIENCE_SECONDS = 15;
  private static final String BEGIN = ";uWSGI instance configuration";
  private static final String END = ";end of configuration";
  private static final Pattern LINE = Pattern.compile("([^\\s=]+) = (.*)");

  /** Options that act as soon as they are read. */
  private static final Pattern ACTS_AT_ONCE =
      Pattern.compile(
          "(?:flock|flock-wait|stop|reload|pause|suspend|resume|signal|connect-and-read|extract|dlopen|exit"
              + "|binary-append-data|build-plugin|immediate-uid|immediate-gid|early-envdir|resolve)"
              + "\\s*(?:[=:].*)?");

  /** Contents that are fetched, or put out by a command, while they are read. */
  private static final Pattern FETCHES =
      Pattern.compile(
          ".*@\\([a-z]+://.*|(?:ini|include|inherit|config|xml|yaml|yml|json|js)\\s*[=:].*[a-z]+://.*");

  private static final Pattern CREDENTIALS = Pattern.compile("://[^/\\s@]+@");

  /**
   * What came of it.
   *
   * @param lines without file and number, null if uWSGI refused the configuration
   * @param refusal uWSGI's own words then
   * @param pluginMissing whether it could not load our plugin, which may be why it refused
   */
  record Result(@Nullable List<CheckedLine> lines, String refusal, boolean pluginMissing) {}

  private UwsgiExpansion() {}

  /**
   * A line that makes uWSGI run, fetch, lock or change something while it still reads; null if
   * there is none.
   */
  static @Nullable String runsSomething(List<String> raw) {
    for (String line : raw) {
      String text = line.strip();
      if (!text.startsWith(";")
          && !text.startsWith("#")
          && (ACTS_AT_ONCE.matcher(text).matches() || FETCHES.matcher(text).matches())) {
        return text;
      }
    }
    return null;
  }

  /**
   * @param uwsgi the program
   * @param file with or without a section
   * @param plugins directory to look for plugins in before uWSGI's own, null for none
   * @throws IOException if the program cannot be started
   */
  static Result of(
      String uwsgi, String file, @Nullable Path plugins, Map<String, String> environment)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(List.of(uwsgi, "--hook-asap", "call:show_config", "--hook-asap", "exit:0"));
    if (plugins != null) {
      command.addAll(List.of("--plugins-dir", plugins.toString()));
    }
    command.addAll(List.of(option(file), file));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    builder.environment().clear();
    builder.environment().putAll(environment);
    // They would make it believe that it is a vassal, a reload or a service.
    builder
        .environment()
        .keySet()
        .removeIf(
            name ->
                name.startsWith("UWSGI_EMPEROR")
                    || name.equals("UWSGI_RELOADS")
                    || name.equals("NOTIFY_SOCKET"));
    Process process = builder.start();
    try {
      InputStream stream = process.getInputStream();
      CompletableFuture<String> output =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return new String(stream.readNBytes(16 << 20), StandardCharsets.UTF_8);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      return read(output.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    } catch (TimeoutException e) {
      return new Result(
          null, "it did not come to an end within " + PATIENCE_SECONDS + " seconds", false);
    } catch (ExecutionException e) {
      throw new IOException("cannot read what uWSGI says: " + e.getCause(), e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  private static String option(String file) {
    String name = file.replaceFirst(":[^/:]*$", "").toLowerCase(Locale.ROOT);
    if (name.endsWith(".yml") || name.endsWith(".yaml")) {
      return "--yaml";
    }
    if (name.endsWith(".json") || name.endsWith(".js")) {
      return "--json";
    }
    return name.endsWith(".xml") ? "--xml" : "--ini";
  }

  static Result read(String output) {
    List<String> said = output.lines().toList();
    int begin = -1;
    int end = -1;
    for (int i = 0; i < said.size(); i++) {
      if (said.get(i).endsWith(BEGIN)) {
        begin = i;
      } else if (begin >= 0 && said.get(i).endsWith(END)) {
        end = i;
        break;
      }
    }
    if (end < 0) {
      return refused(said);
    }
    List<CheckedLine> lines = new ArrayList<>();
    for (String line : said.subList(begin + 2, end)) {
      CheckedLine read = line(line);
      if (read != null) {
        lines.add(read);
      } else if (!lines.isEmpty()) {
        // A value with line breaks, as YAML and JSON allow.
        CheckedLine before = lines.remove(lines.size() - 1);
        lines.add(new CheckedLine(before.key(), before.value() + "\n" + line, null, 0));
      }
    }
    lines.removeIf(
        line ->
            line.key().equals("hook-asap")
                && (line.value().equals("call:show_config") || line.value().equals("exit:0")));
    return new Result(lines, "", false);
  }

  private static @Nullable CheckedLine line(String line) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      // With log-date, a date stands before each line.
      int dash = line.indexOf(" - ");
      matcher = LINE.matcher(dash < 0 ? "" : line.substring(dash + 3));
    }
    return matcher.matches() ? new CheckedLine(matcher.group(1), matcher.group(2), null, 0) : null;
  }

  /** Its last words are the reason. They may quote an option, DSN and all. */
  private static Result refused(List<String> said) {
    String reason = "it ended without a message";
    boolean pluginMissing = false;
    for (String line : said) {
      if (line.contains("UNABLE to load uWSGI plugin") && line.contains("sentry_plugin.so")) {
        pluginMissing = true;
      } else if (!line.isBlank() && !line.startsWith("[uWSGI] getting")) {
        reason = line.strip();
      }
    }
    return new Result(null, CREDENTIALS.matcher(reason).replaceAll("://***@"), pluginMissing);
  }
}

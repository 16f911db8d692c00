package io.uwsgisentry.check;

import io.uwsgisentry.console.Environment;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * Reads a configuration: uWSGI itself expands it, and our own reading says where each line stands.
 */
public final class CheckedFileReader {
  private final String file;
  private final String uwsgi;
  private final Environment surroundings;
  private final CommandSpec spec;
  private String refusal = "";

  /**
   * @param file as on the command line: a path, for an ini also {@code PATH:SECTION}
   * @param uwsgi the program, or {@code none}
   */
  public CheckedFileReader(String file, String uwsgi, Environment surroundings, CommandSpec spec) {
    this.file = file;
    this.uwsgi = uwsgi;
    this.surroundings = surroundings;
    this.spec = spec;
  }

  public CheckedFile read() throws IOException, InterruptedException {
    Path path = Path.of(file);
    if (!Files.exists(path) && file.lastIndexOf(':') > 0) {
      path = Path.of(file.substring(0, file.lastIndexOf(':')));
    }
    if (!Files.isReadable(path) || !Files.isRegularFile(path)) {
      throw new ParameterException(
          spec.commandLine(), path + " is not there, is no plain file, or you may not read it");
    }
    boolean ini = !path.toString().matches(".*\\.(ya?ml|json|js|xml)");
    IniReader own = ini ? IniReader.read(file, surroundings.environment(), Path.of("")) : null;
    List<String> notes = new ArrayList<>();
    List<CheckedLine> expanded = expanded(own, path, notes);
    if (expanded != null) {
      return new CheckedFile(located(expanded, own), true, notes, "");
    }
    if (own == null) {
      throw new ParameterException(
          spec.commandLine(),
          "only uWSGI itself can read " + path + ": " + String.join("; ", notes) + refusal);
    }
    notes.addAll(own.notes());
    return new CheckedFile(own.lines(), false, notes, refusal);
  }

  /** Null where uWSGI cannot be asked; the notes tell why. */
  private @Nullable List<CheckedLine> expanded(
      @Nullable IniReader own, Path path, List<String> notes)
      throws IOException, InterruptedException {
    if (uwsgi.equals("none")) {
      return null;
    }
    String runs = UwsgiExpansion.runsSomething(own != null ? own.raw() : Files.readAllLines(path));
    if (runs != null) {
      notes.add("'" + runs + "' acts while uWSGI reads it, so uWSGI was not asked");
      return null;
    }
    try {
      UwsgiExpansion.Result result =
          UwsgiExpansion.of(uwsgi, file, plugins(), surroundings.environment());
      if (result.pluginMissing()) {
        notes.add(
            "uWSGI does not find sentry_plugin.so: install it, or name its directory with plugins-dir"
                + (result.lines() == null ? "; so it ended with: " + result.refusal() : ""));
      }
      refusal = result.pluginMissing() ? "" : result.refusal();
      return result.lines();
    } catch (IOException e) {
      notes.add("uWSGI could not be run: " + e.getMessage());
      return null;
    }
  }

  /** Where this very jar is the plugin: so that uWSGI finds it, installed or not. */
  private static @Nullable Path plugins() {
    try {
      Path jar =
          Path.of(
              CheckedFileReader.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      return jar.endsWith("sentry_plugin.so") ? jar.getParent() : null;
    } catch (URISyntaxException | RuntimeException e) {
      return null;
    }
  }

  /** uWSGI does not tell where an option stands; our own reading of the same files does. */
  private static List<CheckedLine> located(List<CheckedLine> expanded, @Nullable IniReader own) {
    if (own == null) {
      return expanded;
    }
    List<CheckedLine> places = new ArrayList<>(own.lines());
    List<CheckedLine> located = new ArrayList<>();
    for (CheckedLine line : expanded) {
      CheckedLine place = null;
      for (CheckedLine candidate : places) {
        if (candidate.key().equals(line.key()) && candidate.value().equals(line.value())) {
          place = candidate;
          break;
        }
        if (place == null && candidate.key().equals(line.key())) {
          place = candidate;
        }
      }
      if (place != null) {
        places.remove(place);
        located.add(new CheckedLine(line.key(), line.value(), place.file(), place.number()));
      } else {
        located.add(line);
      }
    }
    return located;
  }
}

package io.uwsgisentry.cli;

import io.uwsgisentry.delivery.Outcome;
import io.uwsgisentry.delivery.Probe;
import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.policy.Scrubber;
import io.uwsgisentry.settings.Destination;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry check}. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Reads a uWSGI configuration as uWSGI does and says what it reports to Sentry, what is wrong with it, and what to write"
          + " instead. The server is not started.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:nothing to mend",
      "1:problems found, or a test event was not taken",
      "2:wrong usage, or the file cannot be read"
    })
final class CheckCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "FILE",
      description =
          "The configuration: an ini, also FILE:SECTION; with uWSGI installed also YAML, JSON or XML.")
  String file = "";

  @Option(
      names = "--send",
      description = "Send one test event to each destination and tell the server's answer.")
  boolean send;

  @Option(names = "--json", description = "One JSON object.")
  boolean json;

  @Option(
      names = "--uwsgi",
      paramLabel = "PROGRAM",
      description =
          "The uWSGI that expands the configuration (default: ${DEFAULT-VALUE}); 'none' reads it without.")
  String uwsgi = "uwsgi";

  private String refusal = "";

  CheckCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    CheckReport report =
        ConfigurationCheck.of(file, configuration(), surroundings.environment(), host());
    if (send) {
      report =
          new CheckReport(
              report.name(),
              report.file(),
              report.handlers(),
              report.captured(),
              report.findings(),
              trials(report));
    }
    spec.commandLine().getOut().print(json ? report.json() : report.text());
    spec.commandLine().getOut().flush();
    return report.clean() ? ExitCode.DONE : ExitCode.NO;
  }

  private CheckedFile configuration() throws IOException, InterruptedException {
    Path path = Path.of(file);
    if (!Files.exists(path) && file.lastIndexOf(':') > 0) {
      path = Path.of(file.substring(0, file.lastIndexOf(':')));
    }
    if (!Files.isReadable(path) || Files.isDirectory(path)) {
      throw new ParameterException(
          spec.commandLine(), path + " is not there, is no file, or you may not read it");
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
      notes.add("uWSGI could not be asked: " + e.getMessage());
      return null;
    }
  }

  /** Where this very jar is the plugin: so that uWSGI finds it, installed or not. */
  private static @Nullable Path plugins() {
    try {
      Path jar =
          Path.of(CheckCommand.class.getProtectionDomain().getCodeSource().getLocation().toURI());
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

  private List<CheckReport.Trial> trials(CheckReport report)
      throws IOException, InterruptedException {
    EventFactory factory = new EventFactory(new Scrubber(), Version.number());
    Map<String, CheckReport.Handler> byDestination = new LinkedHashMap<>();
    Set<String> keys = new HashSet<>();
    List<CheckReport.Handler> handlers = new ArrayList<>(report.handlers());
    if (report.captured() != null) {
      handlers.add(report.captured());
    }
    for (CheckReport.Handler handler : handlers) {
      if (handler.settings().destination() instanceof Destination.To to && keys.add(to.key())) {
        byDestination.put(to.key(), handler);
      }
    }
    List<CheckReport.Trial> trials = new ArrayList<>();
    for (CheckReport.Handler handler : byDestination.values()) {
      if (handler.settings().destination() instanceof Destination.To to) {
        Event event = factory.test(handler.settings(), surroundings.clock().instant());
        Outcome outcome = Probe.send(event, to, line -> spec.commandLine().getErr().println(line));
        trials.add(
            new CheckReport.Trial(
                CheckReport.destination(to),
                event.id(),
                outcome instanceof Outcome.Delivered,
                outcome.words()));
      }
    }
    return trials;
  }

  private static String host() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      return "";
    }
  }
}

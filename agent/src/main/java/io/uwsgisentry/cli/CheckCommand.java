package io.uwsgisentry.cli;

import io.uwsgisentry.check.CheckReport;
import io.uwsgisentry.check.CheckedFileReader;
import io.uwsgisentry.check.ConfigurationCheck;
import io.uwsgisentry.console.Environment;
import io.uwsgisentry.delivery.Outcome;
import io.uwsgisentry.delivery.TestSend;
import io.uwsgisentry.event.Event;
import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.Destination;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
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
      "0:nothing to fix",
      "1:problems found, or a test event was not taken",
      "2:wrong usage, or the file cannot be read"
    })
final class CheckCommand implements Callable<Integer> {
  private final Environment surroundings;

  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "FILE",
      description =
          "The configuration: an ini, also FILE:SECTION; with uWSGI installed also YAML, JSON or XML.")
  String file = "";

  @Option(
      names = "--send",
      description = "Send one test event to each destination and show the server's answer.")
  boolean send;

  @Option(names = "--json", description = "One JSON object.")
  boolean json;

  @Option(
      names = "--uwsgi",
      paramLabel = "PROGRAM",
      description =
          "The uWSGI that expands the configuration (default: ${DEFAULT-VALUE}); 'none' reads it without.")
  String uwsgi = "uwsgi";

  CheckCommand(Environment surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    CheckReport report =
        ConfigurationCheck.of(
            file,
            new CheckedFileReader(file, uwsgi, surroundings, spec).read(),
            surroundings.environment(),
            host(),
            new DirectoryOption().resolve(surroundings));
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
        Outcome outcome =
            TestSend.send(event, to, (level, line) -> spec.commandLine().getErr().println(line));
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

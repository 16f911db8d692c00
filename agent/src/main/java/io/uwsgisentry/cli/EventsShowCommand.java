package io.uwsgisentry.cli;

import io.uwsgisentry.console.EnvelopePage;
import io.uwsgisentry.console.Environment;
import io.uwsgisentry.console.EventPage;
import io.uwsgisentry.console.Text;
import io.uwsgisentry.outbox.Entry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry events show}. */
@Command(
    name = "show",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {"Shows one event: what became of it, and all that is in it.", ""},
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.DONE_LINE,
      "1:there is no such event, or more than one",
      ExitCode.USAGE_LINE,
      ExitCode.UNAVAILABLE_LINE
    })
final class EventsShowCommand implements Callable<Integer> {
  private static final int CANDIDATES = 10;

  private final Environment surroundings;

  @Spec CommandSpec spec = CommandSpec.create();
  @Mixin DirectoryOption directory = new DirectoryOption();

  @Parameters(
      paramLabel = "ID",
      description = "The event's id, or as much of its beginning as is unique.")
  String id = "";

  @ArgGroup Form form = new Form();

  /** How it is shown; text without either. */
  static final class Form {
    @Option(
        names = "--envelope",
        description = "The request as it was or would be sent; key and secret are masked.")
    boolean envelope;

    @Option(names = "--json", description = "One JSON object, the event as it is sent in it.")
    boolean json;
  }

  EventsShowCommand(Environment surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Unavailable, IOException {
    Path path = directory.existing(surroundings);
    List<Entry> found = EventId.find(path, id, CANDIDATES, spec);
    if (found.size() != 1) {
      StringBuilder sentence = new StringBuilder("uwsgi-sentry: ");
      if (found.isEmpty()) {
        sentence.append("there is no event whose id begins with ").append(Text.line(id));
      } else {
        sentence.append("more than one event's id begins with ").append(id).append(':');
        found.forEach(
            entry ->
                sentence
                    .append("\n  ")
                    .append(entry.id())
                    .append("  ")
                    .append(Text.line(entry.title())));
      }
      spec.commandLine().getErr().println(sentence);
      return ExitCode.NO;
    }
    Entry entry = found.get(0);
    String page;
    if (form.envelope) {
      page = EnvelopePage.text(entry, surroundings.clock().instant());
    } else if (form.json) {
      page = EventPage.json(entry);
    } else {
      page = EventPage.text(entry, surroundings.zone());
    }
    spec.commandLine().getOut().print(page);
    return ExitCode.DONE;
  }
}

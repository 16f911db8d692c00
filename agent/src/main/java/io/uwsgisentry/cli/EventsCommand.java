package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import io.uwsgisentry.console.EventList;
import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.outbox.State;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code uwsgi-sentry events}. */
@Command(
    name = "events",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Lists what was captured, the newest first: what waits, what was sent lately, what could not be sent.",
      ""
    },
    footer = {
      "",
      "States: ready (waits to be sent), delivered, dead (refused by the server; `events retry` tries again),"
          + " undeliverable (its DSN cannot be used), local (no DSN is configured)."
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.DONE_LINE,
      "1:no event passes the filters",
      ExitCode.USAGE_LINE,
      ExitCode.UNAVAILABLE_LINE
    })
final class EventsCommand implements Callable<Integer> {
  private static final int FIRST = 10;
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final Environment surroundings;

  @Spec CommandSpec spec = CommandSpec.create();
  @Mixin DirectoryOption directory = new DirectoryOption();

  @Option(
      names = "--state",
      paramLabel = "STATE",
      split = ",",
      description = "Only in these states: ready, delivered, dead, undeliverable, local.")
  List<String> states = List.of();

  @Option(
      names = "--level",
      paramLabel = "LEVEL",
      description = "Only fatal, error, warning, info or debug.")
  @Nullable String level;

  @Option(
      names = "--handler",
      paramLabel = "HANDLER",
      description = "Only of this handler, written as in the list: \"alarm lqfull\", hook-asap, …")
  @Nullable String handler;

  @Option(names = "--instance", paramLabel = "NAME", description = "Only of this uWSGI instance.")
  @Nullable String instance;

  @Option(
      names = "--since",
      paramLabel = "TIME",
      description = "Only from then on: 90s, 15m, 2h, 7d ago, or a time such as 2026-11-22T14:00.")
  @Nullable String since;

  @Option(
      names = "--grep",
      paramLabel = "TEXT",
      description = "Only with this in the title; case does not matter.")
  @Nullable String text;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "50",
      description = "At most so many (default: ${DEFAULT-VALUE}).")
  int limit;

  @Option(names = "--json", description = "One JSON object a line.")
  boolean json;

  @Option(
      names = "--follow",
      description =
          "Shows the last ten, or --limit N, then each one as it comes, until it is stopped.")
  boolean follow;

  EventsCommand(Environment surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Unavailable, IOException {
    Filter filter =
        new Filter(
            states(),
            instance,
            handler,
            level == null ? null : level.toLowerCase(Locale.ROOT),
            text,
            since == null ? null : TimeArgument.parse(since, surroundings, spec));
    if (limit < 1) {
      throw new ParameterException(spec.commandLine(), "--limit must be 1 or more");
    }
    if (follow) {
      return follow(new Following(directory.existing(surroundings), filter));
    }
    List<Entry> entries =
        OutboxReading.read(
            directory.existing(surroundings),
            List.of(),
            outbox -> outbox.reader().list(filter, limit));
    spec.commandLine()
        .getOut()
        .print(
            json
                ? EventList.json(entries)
                : EventList.text(entries, surroundings.zone(), surroundings.width()));
    return entries.isEmpty() ? ExitCode.NO : ExitCode.DONE;
  }

  private int follow(Following following) throws IOException {
    boolean given = spec.commandLine().getParseResult().hasMatchedOption("--limit");
    PrintWriter out = spec.commandLine().getOut();
    List<Entry> entries = following.next(given ? limit : FIRST);
    // A reader that goes away, as `head` does, ends it.
    while (!out.checkError()) {
      for (Entry entry : entries) {
        out.print(
            json
                ? EventList.json(List.of(entry))
                : EventList.line(entry, surroundings.zone(), surroundings.width()));
      }
      out.flush();
      try {
        Thread.sleep(PAUSE.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
      entries = following.next();
    }
    return ExitCode.DONE;
  }

  private Set<State> states() {
    Set<State> wanted = EnumSet.noneOf(State.class);
    for (String name : states) {
      try {
        wanted.add(State.valueOf(name.trim().toUpperCase(Locale.ROOT)));
      } catch (IllegalArgumentException e) {
        throw new ParameterException(
            spec.commandLine(),
            "unknown state '" + name + "': ready, delivered, dead, undeliverable or local");
      }
    }
    return wanted;
  }
}

package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import io.uwsgisentry.event.Event;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.outbox.Batch;
import io.uwsgisentry.outbox.DiscardReason;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** The commands on a real directory with a real database, as a person runs them. */
final class CommandScene {
  static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final String DSN = "https://0123456789abcdef:topsecret@sentry.example.com/7";

  final List<AgentRunner.Arguments> agentRuns = new ArrayList<>();
  private final Path temporary;

  CommandScene(Path temporary) {
    this.temporary = temporary;
  }

  record Answer(int code, String out, String err) {}

  Environment surroundings(Map<String, String> environment) throws IOException {
    long uid = ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
    return new Environment(
        environment,
        uid,
        temporary.resolve("system"),
        temporary.resolve("home"),
        temporary.resolve("passwd"),
        Clock.fixed(NOW, ZoneOffset.UTC),
        ZoneOffset.UTC);
  }

  Answer run(Map<String, String> environment, String... arguments) throws IOException {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command =
        UwsgiSentry.commandLine(
            agent -> {
              agentRuns.add(agent);
              return 0;
            },
            surroundings(environment));
    int code =
        command
            .setOut(new PrintWriter(new BufferedWriter(out)))
            .setErr(new PrintWriter(err))
            .execute(arguments);
    return new Answer(code, out.toString(), err.toString());
  }

  Answer run(String... arguments) throws IOException {
    return run(Map.of("UWSGI_SENTRY_DIR", directory().toString()), arguments);
  }

  Path directory() {
    return temporary.resolve("state");
  }

  /** Three events: one that waits for a server, one that it refused, one without a DSN. */
  void threeEvents() throws IOException {
    Files.createDirectories(directory());
    try (Outbox outbox = Outbox.open(directory().resolve("outbox.db"))) {
      Batch batch = new Batch("sealed-1", 100);
      event(
          batch, "aa11", "alarm lqfull", "dsn=" + DSN, "error", "queue full", NOW.minusSeconds(60));
      event(batch, "aa22", "route-run", "dsn=" + DSN, "warning", "put it", NOW.minusSeconds(7200));
      event(batch, "bb33", "hook-asap", "", "info", "it starts", NOW.minusSeconds(90_000));
      outbox.intake().begin("sealed-1");
      outbox.intake().store(batch);
      outbox
          .queue()
          .settle(
              List.of(
                  new Settlement.Dead(
                      id("aa22"), DiscardReason.SEND_ERROR, "403 no such key", NOW)));
    }
  }

  private static void event(
      Batch batch,
      String id,
      String handler,
      String options,
      String level,
      String title,
      Instant time) {
    long hash = Handler.hash("", "shop", handler);
    batch.handler(new Handler(hash, "shop", handler, options, Map.of()));
    byte[] payload =
        ("{\"event_id\":\"" + id(id) + "\",\"tags\":{\"at\":\"" + time + "\"}}")
            .getBytes(StandardCharsets.UTF_8);
    Record record =
        new Record(
            id(id),
            1,
            ProcessKind.MASTER,
            false,
            false,
            time.toEpochMilli() * 1000,
            1,
            0,
            -1,
            hash,
            5,
            new Fields(List.of()));
    Destination destination = HandlerSettings.of(handler, options, Map.of()).destination();
    batch.event(new Event(id(id), time, "error", level, title, payload), record, destination);
  }

  static String id(String start) {
    return start + "0".repeat(32 - start.length());
  }
}

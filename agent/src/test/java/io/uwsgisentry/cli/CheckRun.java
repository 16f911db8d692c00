package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.console.Environment;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code uwsgi-sentry check} as its user calls it, in a directory of its own. */
public final class CheckRun {
  /** Of a handler; its secret must be in no answer. */
  public static final String DSN =
      "dsn=https://b70a31b3510c4cf793964a185cfe1fd0:hush@example.com/1,logger=uwsgi.sentry";

  public static final Map<String, String> ENVIRONMENT = Map.of("HOME", "/home/joe");

  private final Path directory;

  public CheckRun(Path directory) {
    this.directory = directory;
  }

  public record Answer(int code, String out, String err) {}

  public Path directory() {
    return directory;
  }

  public Answer check(String... arguments) {
    return check(ENVIRONMENT, arguments);
  }

  public Answer check(Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    Environment surroundings =
        new Environment(
            environment,
            0,
            directory,
            directory,
            directory.resolve("passwd"),
            Clock.fixed(Instant.EPOCH, ZoneOffset.UTC),
            ZoneOffset.UTC);
    List<String> all = new ArrayList<>(List.of("check"));
    all.addAll(List.of(arguments));
    int code =
        UwsgiSentry.commandLine(agent -> 0, surroundings)
            .setOut(new PrintWriter(new BufferedWriter(out)))
            .setErr(new PrintWriter(err))
            .execute(all.toArray(String[]::new));
    assertThat(out.toString() + err).doesNotContain("hush");
    return new Answer(code, out.toString(), err.toString());
  }

  public Path ini(String... lines) throws IOException {
    return file("app.ini", lines);
  }

  public Path file(String name, String... lines) throws IOException {
    return Files.writeString(
        directory.resolve(name), "[uwsgi]\n" + String.join("\n", lines) + "\n");
  }
}

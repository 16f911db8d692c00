package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Behaviour;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A whole day of a server with recognisable keys, everything going wrong that can: afterwards the
 * keys are nowhere but in its configuration, in the journal and in the outbox.
 */
class SecretsTest {
  private static final String KEY = "recognisablekey4711";
  private static final String SECRET = "recognisablesecret4711";
  private static final String PROXY_PASSWORD = "recognisablepassword4711";
  private static final String[] ALL = {KEY, SECRET, PROXY_PASSWORD};
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dsn = ${secretdsn}
      sentry-dir = ${state}
      sentry-proxy = http://somebody:${proxypassword}@127.0.0.1:${receiverport}
      alarm = loud sentry:dsn=${secretdsn},debug=1,levl=x
      alarm = odd sentry:dsn=${secretdsn}@/broken
      alarm = cut sentry:dsn=${secretdsn},no=a,${secretdsn}
      alarm-log = loud ^LOUD
      alarm-log = odd ^ODD
      alarm-log = cut ^CUT
      route = ^/event sentry:message=event ${QUERY_STRING},level=info
      """;

  @RegisterExtension final Scene scene = new Scene();
  private final List<String> commandLines = new ArrayList<>();

  @Test
  void no_key_and_no_secret_is_in_any_log_command_line_status_or_error() throws Exception {
    String dsn = scene.receiver().dsn().replace("public@", KEY + ":" + SECRET + "@");
    scene.define("secretdsn", dsn);
    scene.define("proxypassword", PROXY_PASSWORD);
    // The receiver takes what comes, whether it is asked as a server or as a proxy.
    scene.define("receiverport", scene.receiver().port());
    UwsgiServer server = scene.server(SERVER).start();
    everyEventAndAnswer(server);
    List<String> printed = new ArrayList<>();
    for (String command :
        List.of(
            "status",
            "status --json",
            "events",
            "events --json",
            "events --state dead",
            "events retry --all")) {
      printed.add(run(command.split(" ")));
    }
    // Each costs a JVM: one of each handler.
    for (String id :
        scene.state().entries(State.values()).stream()
            .collect(Collectors.toMap(Entry::handler, Entry::id, (one, other) -> other))
            .values()) {
      printed.add(run("events", "show", id));
      printed.add(run("events", "show", id, "--json"));
      printed.add(run("events", "show", id, "--envelope"));
    }
    Path ini = scene.file("checked.ini", SERVER);
    printed.add(run("check", ini.toString()));
    printed.add(run("check", ini.toString(), "--send"));
    server.stop();
    scene.state().awaitNoAgent();

    printed.forEach(text -> assertThat(text).doesNotContain(ALL));
    assertThat(String.join("\n", printed)).contains("alarm loud", "alarm odd");
    assertThat(server.log()).doesNotContain(ALL);
    assertThat(scene.state().agentLog()).contains("POST").doesNotContain(ALL);
    assertThat(commandLines).isNotEmpty();
    commandLines.forEach(line -> assertThat(line).doesNotContain(ALL));
    nothingButJournalAndOutboxHoldsThem();
    assertThat(scene.receiver().requests())
        .as("the key goes to its server, and only in the header")
        .allSatisfy(
            request ->
                assertThat(new String(request.body(), StandardCharsets.ISO_8859_1))
                    .doesNotContain(ALL));
  }

  private void everyEventAndAnswer(UwsgiServer server) {
    server.get("/event?a");
    server.get("/log?line=LOUD");
    server.get("/log?line=ODD");
    server.get("/log?line=CUT");
    scene.awaitEvents(3);
    rememberCommandLines();
    for (Behaviour trouble :
        List.of(
            Behaviour.status(400),
            Behaviour.status(302),
            Behaviour.status(503),
            Behaviour.status(401))) {
      scene.receiver().behave(trouble);
      int before = scene.receiver().requests().size();
      server.get("/event?" + trouble.hashCode());
      server.get("/log?line=LOUD+" + trouble.hashCode());
      await().until(() -> scene.receiver().requests().size() > before);
    }
    scene.receiver().behave(Behaviour.healthy());
    // Keys in what the application itself logs and raises are filtered, too.
    server.get("/log?line=LOUD+" + KEY.replace("4711", "") + "+sentry_key=x");
    rememberCommandLines();
  }

  private void rememberCommandLines() {
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      for (Path process :
          processes.filter(p -> p.getFileName().toString().matches("\\d+")).toList()) {
        try {
          String line = Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1);
          if (line.contains(scene.directory().toString())) {
            commandLines.add(line);
          }
        } catch (IOException e) {
          // It ended meanwhile.
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private String run(String... words) throws Exception {
    List<String> command = new ArrayList<>();
    command.addAll(List.of("java", "-jar", Installation.ofThisRun().plugin().toString()));
    command.addAll(List.of(words));
    if (!words[0].equals("check")) {
      command.addAll(List.of("--dir", scene.state().path().toString()));
    }
    Path out = scene.directory().resolve("out-" + command.hashCode());
    scene
        .command(command.toArray(String[]::new))
        .redirectErrorStream(true)
        .redirectOutput(out.toFile())
        .start()
        .waitFor();
    return Files.readString(out);
  }

  private void nothingButJournalAndOutboxHoldsThem() throws IOException {
    try (Stream<Path> files = Files.walk(scene.directory())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = file.getFileName().toString();
        boolean mayHold =
            name.endsWith(".ini")
                || name.startsWith("outbox.db")
                || "journal".equals(file.getParent().getFileName().toString());
        if (!mayHold) {
          assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
              .as("%s", file)
              .doesNotContain(ALL);
        }
      }
    }
  }
}

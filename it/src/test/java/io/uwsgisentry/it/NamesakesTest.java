package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Servers of one state directory are told apart, whatever they and their files are called. */
class NamesakesTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      sentry-dir = ${state}
      hook-asap = sentry:message=${port} is coming
      """;

  /** Without an agent, so that all stays in the journal. */
  private static final String QUIET =
      """
      plugins = python3,sentry
      master = true
      sentry-dir = ${state}
      sentry-agent = external
      hook-asap = sentry:message=hello
      """;

  @RegisterExtension final Scene scene = new Scene();

  @Test
  void what_a_server_keeps_on_the_machine_is_not_sent_for_one_whose_file_has_the_same_name() {
    UwsgiServer ours = scene.server(SERVER).in("a/uwsgi.ini").start();
    scene.state().awaitEntries(1, State.LOCAL);

    UwsgiServer theirs = scene.server(SERVER + "sentry-dsn = ${dsn}\n").in("b/uwsgi.ini").start();
    scene.awaitEvent(theirs.port() + " is coming");
    ours.stop();
    theirs.stop();
    scene.state().awaitNoAgent();

    assertThat(scene.receiver().events())
        .extracting(Events::message)
        .containsExactly(theirs.port() + " is coming");
    assertThat(scene.state().entries(State.LOCAL)).hasSize(1);
  }

  @Test
  void a_server_is_the_same_after_a_restart_a_reload_and_with_another_dsn() {
    UwsgiServer server = scene.server("[uwsgi]\nhttp-socket = 127.0.0.1:${port}\n" + QUIET).start();
    server.reload();
    awaitStarts(2);
    server.stop();
    server.start().stop();
    scene
        .server(
            "[uwsgi]\nhttp-socket = 127.0.0.1:"
                + server.port()
                + "\nsentry-dsn = https://key@sentry.example/1\n"
                + QUIET)
        .in(server.name() + ".ini")
        .start()
        .stop();

    assertThat(awaitStarts(4)).hasSize(4).containsOnly(starts().get(0));
  }

  @Test
  void sections_addresses_ways_to_start_and_vassals_make_servers_differ() throws Exception {
    scene.file("all.ini", "[one]\n" + QUIET + "[two]\n" + QUIET);
    scene.file("plain.ini", "[uwsgi]\nsocket = $(SOCKET)\n" + QUIET);
    scene.file("vassals/a.ini", "[uwsgi]\nsocket = ${dir}/same.sock\n" + QUIET);
    Files.createSymbolicLink(
        scene.directory().resolve("vassals/b.ini"), scene.directory().resolve("vassals/a.ini"));
    String[] inline = inline("one.sock");

    String plain = started("one.sock", "--ini", "plain.ini");
    assertThat(started("one.sock", "--ini", "plain.ini")).isEqualTo(plain);
    assertThat(started("", inline)).isEqualTo(started("", inline));
    List<String> all =
        new ArrayList<>(
            List.of(
                plain,
                started("two.sock", "--ini", "plain.ini"),
                started("one.sock", "--ini", "-"),
                started("", "--ini", "all.ini:one"),
                started("", "--ini", "all.ini:two"),
                started("", inline),
                started("", inline("two.sock"))));
    int before = starts().size();
    Process emperor = launch("", "--emperor", "vassals", "--plugins", "sentry");
    all.addAll(awaitStarts(before + 2).subList(before, before + 2));
    end(emperor);

    assertThat(all).doesNotHaveDuplicates();
  }

  private String[] inline(String socket) {
    List<String> words = new ArrayList<>(List.of("--socket", socket));
    QUIET
        .replace("${state}", scene.state().path().toString())
        .lines()
        .forEach(
            line -> {
              words.add("--set");
              words.add(line.replace(" = ", "="));
            });
    return words.toArray(String[]::new);
  }

  /** Starts it, ends it, and says which server it took itself for. */
  private String started(String socket, String... words) throws Exception {
    int before = starts().size();
    Process process = launch(socket, words);
    String server = awaitStarts(before + 1).get(before);
    end(process);
    return server;
  }

  private Process launch(String socket, String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("uwsgi"));
    command.addAll(List.of(words));
    ProcessBuilder builder = scene.command(command.toArray(String[]::new));
    builder.environment().put("UWSGI_PLUGINS_DIR", Installation.ofThisRun().plugins().toString());
    builder.environment().put("SOCKET", socket);
    builder.environment().put("UWSGI_WORKER_RELOAD_MERCY", "8");
    return builder
        .redirectInput(scene.directory().resolve("plain.ini").toFile())
        .redirectErrorStream(true)
        .redirectOutput(
            ProcessBuilder.Redirect.appendTo(scene.directory().resolve("words.log").toFile()))
        .start();
  }

  private static void end(Process process) throws InterruptedException {
    Processes.awaitMinding(process.pid());
    Processes.signal(process.pid(), "INT");
    assertThat(process.waitFor(Patience.SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
  }

  private List<String> starts() {
    return scene.state().records().stream()
        .filter(record -> record.kind() == Kind.CONFIGURATION)
        .map(record -> record.fields().pairs("default").getOrDefault("server", ""))
        .toList();
  }

  private List<String> awaitStarts(int n) {
    return await(n + " starts")
        .atMost(Patience.SOON)
        .until(this::starts, found -> found.size() >= n);
  }
}

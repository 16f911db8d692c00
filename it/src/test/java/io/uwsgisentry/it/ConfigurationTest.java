package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.outbox.State;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a server tells the agent of its configuration is no event, and arrives all the same. */
class ConfigurationTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3
      http-socket = 127.0.0.1:${port}
      wsgi-file = ${apps}/app.py
      master = true
      plugin = sentry
      sentry-dir = ${state}
      sentry-agent = external
      sentry-journal-max = 64k
      route = ^/event sentry:message=asked
      """;

  @RegisterExtension final Scene scene = new Scene();

  /** Without a DSN that can be used the events wait; the one that stands now finds them. */
  @Test
  void a_dsn_that_is_mended_while_the_journal_is_full_finds_the_events_that_wait() {
    UwsgiServer server = scene.server(SERVER + "sentry-dsn = ftp://k@host/1\n").start();
    int n = 600;
    IntStream.range(0, n).forEach(i -> server.get("/event?" + i));
    server.mended("ftp://k@host/1", scene.receiver().dsn());
    scene.file("server1.ini", scene.expand(SERVER + "sentry-dsn = ${dsn}\n"));
    server.reload();
    server.stop();
    assertThat(server.log()).doesNotContain("not reported to the agent");

    long waiting = events() + dropped();
    assertThat(waiting).as("events in the journal, and those that are counted").isEqualTo(n);
    assertThat(configurations()).as("none but the first found room").isEqualTo(1);

    server.start();
    Process agent = scene.agent();
    scene.awaitEvents(1);
    long delivered = Events.sum(scene.receiver().events());
    assertThat(delivered).isPositive();
    assertThat(scene.state().entries(State.UNDELIVERABLE)).isEmpty();
    server.stop();
    agent.destroy();
    scene.state().awaitNoAgent();
  }

  private long events() {
    return scene.state().records().stream().filter(r -> r.kind() == Kind.ROUTE).count();
  }

  private long configurations() {
    return scene.state().records().stream().filter(r -> r.kind() == Kind.CONFIGURATION).count();
  }

  private long dropped() {
    return scene.state().records().stream()
        .filter(record -> record.kind() == Kind.DROPS)
        .flatMap(record -> record.fields().pairs("drop").values().stream())
        .mapToLong(Long::parseLong)
        .sum();
  }
}

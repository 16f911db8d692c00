package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.Settlement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first line of {@code status} and its exit code agree, and say whether all is well. */
class StatusVerdictTest {
  @TempDir Path temporary;
  private CommandScene scene = new CommandScene(Path.of(""));

  @BeforeEach
  void scene() {
    scene = new CommandScene(temporary);
  }

  @Test
  void nothingCapturedYetIsOk() throws IOException {
    Files.createDirectories(scene.directory());
    CommandScene.Answer answer = scene.run("status");
    assertThat(answer.code()).isZero();
    assertThat(answer.out()).startsWith("OK\n");
    assertThat(scene.run("status", "--json").out()).startsWith("{\"ok\":true,\"problems\":[],");
  }

  @Test
  void aServerThatRefusesConnectionsIsAProblemAtOnce() throws IOException {
    scene.threeEvents();
    try (Outbox outbox = Outbox.open(scene.directory().resolve("outbox.db"))) {
      outbox
          .queue()
          .settle(
              List.of(
                  new Settlement.Retry(
                      CommandScene.id("aa11"),
                      CommandScene.NOW.plusSeconds(3),
                      "connection refused")));
    }
    CommandScene.Answer answer = scene.run("status");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.out())
        .contains(
            "PROBLEM: the last attempt to send to sentry.example.com failed: connection refused");
  }

  @Test
  void anEventThatWaitsTooLongIsAProblem() throws IOException {
    scene.threeEvents();
    assertThat(scene.run("status", "--max-wait", "30s").out())
        .contains("PROBLEM: events for sentry.example.com have waited for 60 s\n");
    assertThat(scene.run("status", "--max-wait", "2m").out()).doesNotContain("have waited");
    assertThat(scene.run("status", "--max-wait", "soon").code()).isEqualTo(2);
  }

  @Test
  void deadEventsAreAProblemUntilTheyAreRetried() throws IOException {
    scene.threeEvents();
    assertThat(scene.run("status").out())
        .contains("PROBLEM: 1 event refused or expired: uwsgi-sentry events --state dead\n");
    scene.run("events", "retry", "aa22");
    assertThat(scene.run("status").out()).doesNotContain("refused or expired");
  }

  @Test
  void aDirectoryOfSomethingElseIsNoStateDirectory() throws IOException {
    Files.createDirectories(scene.directory());
    Files.writeString(scene.directory().resolve("passwd"), "");
    CommandScene.Answer answer = scene.run("status");
    assertThat(answer.code()).isEqualTo(3);
    assertThat(answer.err()).contains(scene.directory() + " is no state directory");
  }

  @Test
  void retryingNothingChangesNothingAndSaysNo() throws IOException {
    Files.createDirectories(scene.directory());
    assertThat(scene.run("events", "retry", "--all").code()).isEqualTo(1);
    assertThat(scene.run("events", "retry", "dd").code()).isEqualTo(1);
  }

  @Test
  void anAgentThatDoesNotStartIsAProblemWithItsReasonAndTheNextTry() throws IOException {
    Files.createDirectories(scene.directory().resolve("journal"));
    Files.writeString(
        scene.directory().resolve("agent.failure"),
        "failures=3\nat=%d\nnext=%d\nreason=it ended with status 1: no room\n"
            .formatted(CommandScene.NOW.getEpochSecond(), CommandScene.NOW.getEpochSecond() + 20));
    CommandScene.Answer answer = scene.run("status");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.out())
        .startsWith("PROBLEM: the agent does not start: it ended with status 1: no room\n")
        .contains("failed to start 3 times, tried again at ");
    assertThat(scene.run("status", "--json").out())
        .contains(
            "\"failed_start\":{\"times\":3,\"reason\":\"it ended with status 1: no room\","
                + "\"next\":\"2026-11-22T12:00:20");
  }

  @Test
  void aNoteOfFailedStartsThatIsNoneIsNotRead() throws IOException {
    Files.createDirectories(scene.directory().resolve("journal"));
    for (String text : new String[] {"", "failures=x\n", "\0\0\0", "a".repeat(5000)}) {
      Files.writeString(scene.directory().resolve("agent.failure"), text);
      assertThat(scene.run("status").out()).startsWith("OK\n");
    }
  }
}

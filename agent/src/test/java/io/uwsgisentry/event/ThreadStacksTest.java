package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ThreadStacksTest {
  private static final String TWO =
      """
      Thread 0x00007f0000000002 (most recent call first):
        File "/usr/lib/python3.11/threading.py", line 324 in wait
        File "/usr/lib/python3.11/queue.py", line 180 in get

      Current thread 0x00007f0000000001 (most recent call first):
        File "/srv/app/shop.py", line 15 in stuck
        File "app.wsgi", line 20 in application
      """;

  @TempDir Path root;

  @Test
  void theOutermostFrameComesFirst() {
    ThreadStacks stacks = parse(TWO);
    assertThat(functions(stacks, 1)).containsExactly("application", "stuck");
    assertThat(stacks.frames(1))
        .extracting(SentryStackFrame::getFilename, SentryStackFrame::getLineno)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("app.wsgi", 20),
            org.assertj.core.groups.Tuple.tuple("shop.py", 15));
    assertThat(stacks.id(1)).isEqualTo(0x7f0000000001L);
  }

  @Test
  void theRequestsThreadIsFoundByItsNumber() {
    ThreadStacks stacks = parse(TWO);
    assertThat(stacks.serving("0x00007f0000000002")).isZero();
    assertThat(stacks.serving("0x00007f0000000001")).isEqualTo(1);
    assertThat(stacks.serving("0x00007f0000000009")).isEqualTo(-1);
    assertThat(stacks.serving("nonsense")).isEqualTo(-1);
  }

  @Test
  void withoutANumberItIsTheOneThatRunsTheApplication() {
    assertThat(parse(TWO).serving(null)).isEqualTo(1);
    assertThat(parse(TWO.substring(0, TWO.indexOf("Current"))).serving(null)).isZero();
    assertThat(parse("Thread 0x1 (most recent call first):\n  <no Python frame>").serving(null))
        .isEqualTo(-1);
    assertThat(parse("").serving(null)).isEqualTo(-1);
    assertThat(parse(null).isEmpty()).isTrue();
  }

  @Test
  void everyThreadIsToldAndOneIsTheStuckOne() {
    var threads = parse(TWO).threads(1, Map.of(0x7f0000000002L, "core 1: GET /x"));
    assertThat(threads).hasSize(2);
    assertThat(threads.get(0).getName()).isEqualTo("core 1: GET /x");
    assertThat(threads.get(0).isCrashed()).isFalse();
    assertThat(threads.get(1).isCrashed()).isTrue();
    assertThat(threads.get(1).isCurrent()).isTrue();
    assertThat(threads.get(1).getStacktrace().getSnapshot()).isTrue();
  }

  @Test
  void newerAndStrangerFormsAreRead() {
    ThreadStacks stacks =
        parse(
            """
            Thread 0x00007f0000000001 [uWSGIWorker1Core0] (most recent call first):
              Garbage-collecting
              File "/srv/caf\\xe9/\\u20ac\\U0001f600.py", line 3 in f\\xfc
              File "/srv/a "quoted", line 1 in x.py", line 7 in <lambda>
              File ???, line ??? in ???
              ...
            """);
    assertThat(stacks.threads(-1, Map.of()).get(0).getName()).isEqualTo("uWSGIWorker1Core0");
    assertThat(functions(stacks, 0)).containsExactly("???", "<lambda>", "fü");
    assertThat(stacks.frames(0).get(2).getFilename()).isEqualTo("/srv/café/€😀.py");
    assertThat(stacks.frames(0).get(1).getFilename())
        .isEqualTo("/srv/a \"quoted\", line 1 in x.py");
    assertThat(stacks.frames(0).get(0).getLineno()).isNull();
  }

  @Test
  void aTextThatEndsAnywhereGivesWhatIsWhole() {
    for (int end = 0; end <= TWO.length(); end++) {
      ThreadStacks stacks = parse(TWO.substring(0, end));
      int stuck = stacks.serving(null);
      assertThat(stacks.frames(stuck).size()).isLessThanOrEqualTo(2);
      stacks.threads(stuck, Map.of());
    }
  }

  @Test
  void noTextTakesLong() {
    String line = "  File \"/srv/app/shop.py\", line 15 in stuck\n";
    String head = "Thread 0x00007f0000000001 (most recent call first):\n";
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          assertThat(parse(head + line.repeat(30_000)).frames(0)).hasSize(100);
          assertThat(parse(head.repeat(30_000)).threads(-1, Map.of())).hasSize(100);
          parse("  File \"" + "\", line 1 in ".repeat(80_000));
          parse("Thread 0x1 [" + "[".repeat(1_000_000));
          parse((head + "  File \"" + "\", line".repeat(200) + "\n").repeat(800));
          parse("\n".repeat(1_000_000));
        });
  }

  @Test
  void numbersBeyondALongAreNoThreads() {
    ThreadStacks stacks = parse("Thread 0xffffffffffffffff (most recent call first):\n");
    assertThat(stacks.id(0)).isEqualTo(-1);
    assertThat(stacks.serving("0xffffffffffffffff")).isEqualTo(-1);
    assertThat(stacks.threads(-1, Map.of()).get(0).getId()).isNull();
  }

  private ThreadStacks parse(String text) {
    Record record = RecordFixture.captured(Kind.SLOW, "slow").record();
    RecordContext incident =
        new RecordContext(record, HandlerSettings.of(record), new Scrubber(), List.of(), null);
    Host machine = new HostFixture(root).machine();
    return ThreadStacks.parse(
        text,
        new ScriptFrames(new SourceContext(machine), incident),
        new PythonModules(machine, null, record));
  }

  private static List<String> functions(ThreadStacks stacks, int index) {
    return stacks.frames(index).stream().map(SentryStackFrame::getFunction).toList();
  }
}

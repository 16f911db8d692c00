package io.uwsgisentry.event;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Texts that other programs wrote, cut anywhere: stacks, backtraces, system calls, log lines. */
public final class TextsFuzz {
  private static final Host MACHINE = new Host(Path.of("/nonexistent"), "6.1.0", "amd64");
  private static final ScriptFrames FRAMES =
      new ScriptFrames(
          new SourceContext(MACHINE),
          new RecordContext(
              RecordFixture.of(Kind.SLOW).record(),
              HandlerSettings.of(RecordFixture.of(Kind.SLOW).record()),
              new Scrubber(),
              List.of(),
              null));

  private TextsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = new String(data, StandardCharsets.UTF_8);
    PythonModules modules =
        new PythonModules(
            MACHINE, "/srv", RecordFixture.of(Kind.SLOW).with("python.path", data).record());
    ThreadStacks.parse(text, FRAMES, modules);
    modules.of(text);
    NativeBacktrace.isOfCrash(text);
    NativeBacktrace.parse(text);
    SystemCall.text(text, "amd64");
    MessageTemplate.of(text);
    UwsgiBlock.strings(data);
    UwsgiBlock.variables(data);
    Scrubber scrubber = new Scrubber();
    scrubber.query(text);
    scrubber.logLine(text);
    String scrubbed = scrubber.text(text);
    if (!scrubbed.equals(scrubber.text(scrubbed))) {
      throw new IllegalStateException("filtered again it is another: " + scrubbed);
    }
  }
}

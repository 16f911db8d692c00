package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.journal.Fields;
import io.uwsgisentry.journal.Record;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A Python exception with what caused it, as the fields {@code python.exception}, {@code
 * python.frame} and {@code python.local} tell: the one that was raised first, then its causes; of
 * each its frames, the outermost first; of each frame its local variables.
 *
 * <p>A group's members follow it, each with what caused it.
 *
 * @param relation to its parent: empty, {@code __cause__}, {@code __context__} or {@code
 *     exceptions[2]}
 * @param parent the number of the exception that it belongs to, in this order; -1: none
 * @param notes what {@code add_note()} added
 */
record PythonException(
    String relation,
    int parent,
    String module,
    String type,
    String value,
    List<String> notes,
    List<Frame> frames) {
  /** There where frames or local variables were left out. */
  static final String CUT = "python.cut";

  /** More than the plugin tells. */
  private static final int MAX_CHAIN = 50;

  private static final String MEMBER = "exceptions[";

  /** A frame; the line is -1 where it is not known. */
  record Frame(String file, int line, String function, String module, Map<String, String> locals) {}

  /** The chain of a record, the raised one first; empty where it has none. */
  static List<PythonException> chain(Record record) {
    List<PythonException> chain = new ArrayList<>();
    for (Fields.Field field : record.fields().all()) {
      switch (field.name()) {
        case "python.exception" -> {
          if (chain.size() == MAX_CHAIN) {
            return chain;
          }
          String[] parts = parts(field, 4);
          chain.add(
              new PythonException(
                  parts[0],
                  chain.size() - 1,
                  parts[1],
                  parts[2],
                  parts[3],
                  new ArrayList<>(),
                  new ArrayList<>()));
        }
        case "python.parent" -> {
          int last = chain.size() - 1;
          long parent = RecordContext.number(parts(field, 1)[0]);
          if (last > 0 && parent >= 0 && parent < last) {
            chain.set(last, chain.get(last).childOf((int) parent));
          }
        }
        case "python.note" -> {
          if (!chain.isEmpty()) {
            chain.get(chain.size() - 1).notes.add(parts(field, 1)[0]);
          }
        }
        case "python.frame" -> {
          if (!chain.isEmpty()) {
            String[] parts = parts(field, 4);
            long line = RecordContext.number(parts[1]);
            chain
                .get(chain.size() - 1)
                .frames
                .add(
                    new Frame(
                        parts[0],
                        line > Integer.MAX_VALUE ? -1 : (int) line,
                        parts[2],
                        parts[3],
                        new LinkedHashMap<>()));
          }
        }
        case "python.local" -> {
          List<Frame> frames = chain.isEmpty() ? List.of() : chain.get(chain.size() - 1).frames;
          if (!frames.isEmpty()) {
            String[] parts = parts(field, 2);
            frames.get(frames.size() - 1).locals.put(parts[0], parts[1]);
          }
        }
        default -> {
          // Not Python's.
        }
      }
    }
    return chain;
  }

  /**
   * Sentry's exceptions of a chain, the oldest first.
   *
   * @param mechanism how the last one came to be known
   */
  static List<SentryException> exceptions(
      List<PythonException> chain, String mechanism, EventDraft draft, ScriptFrames frames) {
    List<SentryException> exceptions = new ArrayList<>();
    for (int i = 0; i < chain.size(); i++) {
      PythonException failure = chain.get(i);
      List<SentryStackFrame> made = new ArrayList<>();
      for (Frame frame : failure.frames) {
        made.add(
            frames.frame(frame.file, frame.line, frame.function, frame.module, "", frame.locals));
      }
      exceptions.add(
          draft.exception(
              failure.type.isEmpty() ? "Exception" : failure.type,
              // As Sentry's own SDK for Python: built-in classes have no module.
              failure.module.equals("builtins") || !ScriptFrames.isNamed(failure.module)
                  ? null
                  : failure.module,
              failure.text(),
              UwsgiBacktrace.bounded(made),
              Mechanisms.chained(
                  mechanism, i, failure.parent, failure.relation, isGroup(chain, i))));
    }
    Collections.reverse(exceptions);
    return exceptions;
  }

  private PythonException childOf(int number) {
    return new PythonException(relation, number, module, type, value, notes, frames);
  }

  /** As Python prints it: the notes are lines below the text. */
  private String text() {
    return notes.isEmpty() ? value : value + "\n" + String.join("\n", notes);
  }

  private static boolean isGroup(List<PythonException> chain, int number) {
    return chain.stream()
        .anyMatch(each -> each.parent == number && each.relation.startsWith(MEMBER));
  }

  /**
   * The parts of a value, which NULs separate; the last keeps what NULs it has, missing are empty.
   */
  private static String[] parts(Fields.Field field, int count) {
    String[] given = new String(field.value(), StandardCharsets.UTF_8).split("\0", count);
    String[] parts = new String[count];
    for (int i = 0; i < count; i++) {
      parts[i] = i < given.length ? given[i] : "";
    }
    return parts;
  }
}

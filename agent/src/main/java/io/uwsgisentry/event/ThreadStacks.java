package io.uwsgisentry.event;

import io.sentry.protocol.SentryStackFrame;
import io.sentry.protocol.SentryStackTrace;
import io.sentry.protocol.SentryThread;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The stacks of all threads of a Python process, as its faulthandler writes them:
 *
 * <pre>
 * Thread 0x00007f62a3071440 (most recent call first):
 *   File "/srv/app/shop.py", line 15 in stuck
 *   File "/srv/app/shop.py", line 20 in application
 * </pre>
 *
 * <p>An empty line is between threads; a thread without Python code says {@code <no Python frame>};
 * the current one starts {@code Current thread}; since Python 3.14 a thread's name stands in
 * brackets before the parenthesis. Names are cut at 500 characters and a stack at 100 frames, both
 * with points. The text may end anywhere. Lines of any other form are passed over.
 */
final class ThreadStacks {
  private static final int MAX_THREADS = 100;
  private static final int MAX_FRAMES = 100;
  private static final int MAX_LINE = 2000;

  private static final Pattern THREAD =
      Pattern.compile(
          "(Current thread|Thread) 0x([0-9a-fA-F]{1,16})(?: \\[([^\\]]{0,200})\\])? \\(most recent call first\\):.*");
  private static final Pattern FRAME =
      Pattern.compile("  File (?:\"(.*)\"|(\\?\\?\\?)), line (\\d{1,9}|\\?\\?\\?) in (.*)");

  /** One thread; the innermost frame first, as Python writes them. */
  private record Stack(String id, @Nullable String name, boolean current, List<Call> calls) {}

  private record Call(String file, int line, String function) {}

  private final List<Stack> stacks;
  private final Map<Stack, List<SentryStackFrame>> made = new HashMap<>();
  private final ScriptFrames frames;
  private final PythonModules modules;

  private ThreadStacks(List<Stack> stacks, ScriptFrames frames, PythonModules modules) {
    this.stacks = stacks;
    this.frames = frames;
    this.modules = modules;
  }

  static ThreadStacks parse(@Nullable String text, ScriptFrames frames, PythonModules modules) {
    List<Stack> stacks = new ArrayList<>();
    for (String line : text == null ? List.<String>of() : text.lines().toList()) {
      if (line.length() > MAX_LINE) {
        continue;
      }
      Matcher thread = line.startsWith("  ") ? null : THREAD.matcher(line);
      if (thread != null && thread.matches()) {
        if (stacks.size() == MAX_THREADS) {
          break;
        }
        stacks.add(
            new Stack(
                thread.group(2),
                thread.group(3),
                thread.group(1).startsWith("Current"),
                new ArrayList<>()));
        continue;
      }
      Matcher frame = stacks.isEmpty() ? null : FRAME.matcher(line);
      if (frame != null && frame.matches()) {
        List<Call> calls = stacks.get(stacks.size() - 1).calls;
        if (calls.size() < MAX_FRAMES) {
          String file = frame.group(1) == null ? "" : frame.group(1);
          long number = RecordContext.number(frame.group(3));
          calls.add(new Call(unescaped(file), (int) number, unescaped(frame.group(4))));
        }
      }
    }
    return new ThreadStacks(stacks, frames, modules);
  }

  boolean isEmpty() {
    return stacks.isEmpty();
  }

  /**
   * The thread that served a request.
   *
   * @param thread as the request names it, {@code 0x00007f62a3071440}; null: not known. Then it is
   *     the first that runs code of the application's own, else the first that runs any
   * @return its number in order, -1 if there is none
   */
  int serving(@Nullable String thread) {
    int any = -1;
    for (int i = 0; i < stacks.size(); i++) {
      Stack stack = stacks.get(i);
      if (thread != null && id(thread) >= 0 && id(stack.id) == id(thread)) {
        return i;
      }
      if (any < 0 && !stack.calls.isEmpty()) {
        any = i;
      }
    }
    for (int i = 0; thread == null && i < stacks.size(); i++) {
      if (frames(i).stream().anyMatch(frame -> Boolean.TRUE.equals(frame.isInApp()))) {
        return i;
      }
    }
    return thread == null ? any : -1;
  }

  /** A thread's frames, the outermost first; empty for -1. */
  List<SentryStackFrame> frames(int index) {
    if (index < 0) {
      return List.of();
    }
    return made.computeIfAbsent(
        stacks.get(index),
        stack -> {
          List<SentryStackFrame> list = new ArrayList<>();
          for (Call call : stack.calls) {
            String module = modules.of(call.file);
            list.add(frames.frame(call.file, call.line, call.function, module, "", Map.of()));
          }
          Collections.reverse(list);
          return list;
        });
  }

  /** The thread's number as its process has it. */
  long id(int index) {
    return id(stacks.get(index).id);
  }

  /**
   * Sentry's threads.
   *
   * @param stuck the number of the one that the event is about, -1: none
   * @param names of threads by {@link #id(int)}, where they have none
   */
  List<SentryThread> threads(int stuck, Map<Long, String> names) {
    List<SentryThread> threads = new ArrayList<>();
    for (int i = 0; i < stacks.size(); i++) {
      SentryThread thread = new SentryThread();
      if (id(i) >= 0) {
        thread.setId(id(i));
      }
      String name = stacks.get(i).name == null ? names.get(id(i)) : stacks.get(i).name;
      if (name != null) {
        thread.setName(Limits.shortened(Limits.clean(name), 128));
      }
      thread.setCrashed(i == stuck);
      thread.setCurrent(i == stuck);
      if (!frames(i).isEmpty()) {
        thread.setStacktrace(trace(i));
      }
      threads.add(thread);
    }
    return threads;
  }

  /** Taken while it ran, not where something was thrown. */
  SentryStackTrace trace(int index) {
    SentryStackTrace trace = new SentryStackTrace(frames(index));
    trace.setSnapshot(true);
    return trace;
  }

  /** The number of a thread, -1 if the text has none. Sentry's servers take it as signed. */
  static long id(String text) {
    String digits = text.startsWith("0x") ? text.substring(2) : text;
    try {
      long id = Long.parseUnsignedLong(digits, 16);
      return id < 0 ? -1 : id;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** faulthandler writes what is not ASCII as {@code \xNN}, {@code \ uNNNN}, {@code \UNNNNNNNN}. */
  private static String unescaped(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length());
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      int digits =
          c != '\\' || at + 1 == text.length()
              ? 0
              : switch (text.charAt(at + 1)) {
                case 'x' -> 2;
                case 'u' -> 4;
                case 'U' -> 8;
                default -> 0;
              };
      int code = digits == 0 ? -1 : hex(text, at + 2, digits);
      if (code >= 0 && Character.isValidCodePoint(code)) {
        out.appendCodePoint(code);
        at += 1 + digits;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  private static int hex(String text, int from, int digits) {
    if (from + digits > text.length()) {
      return -1;
    }
    long value = 0;
    for (int at = from; at < from + digits; at++) {
      int digit = Character.digit(text.charAt(at), 16);
      if (digit < 0) {
        return -1;
      }
      value = 16 * value + digit;
    }
    return value > Character.MAX_CODE_POINT ? -1 : (int) value;
  }
}

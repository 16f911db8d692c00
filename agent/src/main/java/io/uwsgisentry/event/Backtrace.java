package io.uwsgisentry.event;

import io.sentry.protocol.SentryStackFrame;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The frames that uWSGI's exception system gives: file, line, function, source text, and a field of
 * the language plugin's own. Old versions give frames without any content for Python 3.5 and later;
 * those are left out.
 */
final class Backtrace {
  /** Relay keeps 250 and drops from the middle. */
  static final int MAX_FRAMES = 250;

  private static final int FIELDS = 5;
  private static final List<String> LIBRARIES =
      List.of("/site-packages/", "/dist-packages/", "/lib/python", "/gems/", "/lib/ruby/");

  private Backtrace() {}

  /**
   * The frames in Sentry's order, the outermost call first.
   *
   * @param plugin uWSGI's language plugin; rack gives the innermost first
   */
  static List<SentryStackFrame> frames(byte @Nullable [] block, @Nullable String plugin) {
    List<String> strings = UwsgiBlock.strings(block);
    List<SentryStackFrame> frames = new ArrayList<>();
    for (int i = 0; i + FIELDS <= strings.size(); i += FIELDS) {
      SentryStackFrame frame = frame(strings.subList(i, i + FIELDS));
      if (frame != null) {
        frames.add(frame);
      }
    }
    if ("rack".equals(plugin)) {
      Collections.reverse(frames);
    }
    if (frames.size() > MAX_FRAMES) {
      List<SentryStackFrame> kept = new ArrayList<>(frames.subList(0, MAX_FRAMES / 2));
      kept.addAll(frames.subList(frames.size() - MAX_FRAMES / 2, frames.size()));
      return kept;
    }
    return frames;
  }

  private static @Nullable SentryStackFrame frame(List<String> fields) {
    String file = fields.get(0);
    String function = fields.get(2);
    String text = fields.get(3);
    if (file.isEmpty() && function.isEmpty() && text.isEmpty()) {
      return null;
    }
    SentryStackFrame frame = new SentryStackFrame();
    if (!file.isEmpty()) {
      frame.setFilename(Limits.shortened(relative(file), 256));
      if (file.startsWith("/")) {
        frame.setAbsPath(Limits.shortened(file, 1024));
      }
      frame.setInApp(!file.startsWith("<") && LIBRARIES.stream().noneMatch(file::contains));
    }
    int line = line(fields.get(1));
    if (line > 0) {
      frame.setLineno(line);
    }
    frame.setFunction(function.isEmpty() ? "<unknown>" : Limits.shortened(function, 256));
    if (!text.isEmpty()) {
      frame.setContextLine(Limits.shortened(text, 512));
    }
    return frame;
  }

  /**
   * The path within the library, the same on every machine; of the application's own files the path
   * as it is.
   */
  private static String relative(String file) {
    for (String library : List.of("/site-packages/", "/dist-packages/", "/gems/")) {
      int at = file.lastIndexOf(library);
      if (at >= 0) {
        return file.substring(at + library.length());
      }
    }
    return file;
  }

  private static int line(String text) {
    return text.matches("\\d{1,9}") ? Integer.parseInt(text) : -1;
  }
}

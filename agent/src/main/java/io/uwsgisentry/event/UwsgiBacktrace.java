package io.uwsgisentry.event;

import io.sentry.protocol.SentryStackFrame;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The frames that uWSGI's exception system gives: file, line, function, source text, and a field of
 * the language plugin's own. Old versions give frames without any content for Python 3.5 and later;
 * those are left out.
 */
final class UwsgiBacktrace {
  /** Relay keeps 250 and drops from the middle. */
  static final int MAX_FRAMES = 250;

  private static final int FIELDS = 5;

  private UwsgiBacktrace() {}

  /**
   * The frames in Sentry's order, the outermost call first.
   *
   * @param plugin uWSGI's language plugin; rack gives the innermost first
   */
  static List<SentryStackFrame> frames(
      byte @Nullable [] block, @Nullable String plugin, ScriptFrames frames) {
    List<String> strings = UwsgiBlock.strings(block);
    List<SentryStackFrame> made = new ArrayList<>();
    for (int i = 0; i + FIELDS <= strings.size(); i += FIELDS) {
      String file = strings.get(i);
      String function = strings.get(i + 2);
      String text = strings.get(i + 3);
      if (!file.isEmpty() || !function.isEmpty() || !text.isEmpty()) {
        int line = (int) Math.min(RecordContext.number(strings.get(i + 1)), 999_999_999);
        made.add(frames.frame(file, line, function, "", text, Map.of()));
      }
    }
    if ("rack".equals(plugin)) {
      Collections.reverse(made);
    }
    return bounded(made);
  }

  /** The first and the last of too many. */
  static List<SentryStackFrame> bounded(List<SentryStackFrame> frames) {
    return outer(frames, MAX_FRAMES);
  }

  /** At most so many frames: the first half and the last. */
  static List<SentryStackFrame> outer(List<SentryStackFrame> frames, int most) {
    if (frames.size() <= most) {
      return frames;
    }
    List<SentryStackFrame> kept = new ArrayList<>(frames.subList(0, most / 2));
    kept.addAll(frames.subList(frames.size() - most / 2, frames.size()));
    return kept;
  }
}

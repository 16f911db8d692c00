package io.uwsgisentry.event;

import io.uwsgisentry.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * An event that a server found too large, with less in it. What {@link Trimming} does when an event
 * is made is done here to a stored one, and further: the server's limit is unknown, so each refusal
 * takes the event to the next of a few sizes, the least needed part first, until it fits. What was
 * left out is told in the extra field {@code trimmed}; occurrences, tags, message, exception and
 * the innermost frames always stay, at last with nothing but the starts of texts.
 */
public final class Smaller {
  /** Bytes of JSON: what each refusal leads to. Below the last nothing more is left out. */
  private static final int[] SIZES = {200 << 10, 50 << 10, 12 << 10};

  private static final int FEW_FRAMES = 20;
  private static final int INNERMOST = 5;
  private static final int LONG_TEXT = 500;
  private static final int SHORT_TEXT = 100;
  private static final int MOST_TOLD = 20;
  private static final List<String> EXTRA_KEPT =
      List.of(
          Occurrences.COUNT,
          Occurrences.FIRST,
          Occurrences.LAST,
          Occurrences.SUMMARY,
          Occurrences.FREQUENT,
          "trimmed");

  private interface Step {
    /** Leaves something out; false if there was none of it. */
    boolean apply(Map<String, Object> event);
  }

  private record Named(String told, Step step) {}

  private static final List<Named> STEPS =
      List.of(
          new Named("variables of frames of libraries", e -> frames(e, Smaller::ofLibrary, "vars")),
          new Named("variables of frames", e -> frames(e, frame -> true, "vars")),
          new Named(
              "source lines around frames of libraries",
              e -> frames(e, Smaller::ofLibrary, "pre_context", "post_context")),
          new Named(
              "source lines around frames",
              e -> frames(e, frame -> true, "pre_context", "post_context")),
          new Named("log lines", e -> e.remove("breadcrumbs") != null),
          new Named("extra", Smaller::extra),
          new Named("threads", e -> e.remove("threads") != null),
          new Named("request headers, env and data", Smaller::request),
          new Named("frames in the middle", Smaller::middle),
          new Named("causes of the exception", Smaller::causes),
          new Named("contexts", e -> e.remove("contexts") != null),
          new Named("images", e -> e.remove("debug_meta") != null),
          new Named("parameters and ends of long texts", Smaller::longTexts),
          new Named("frames but the innermost", Smaller::innermost),
          new Named("ends of texts", e -> texts(e, SHORT_TEXT)));

  private Smaller() {}

  /**
   * The event with less in it; null if nothing can be left out, or it is none.
   *
   * @param payload an event's JSON, UTF-8
   */
  public static byte @Nullable [] than(byte[] payload) {
    int target = target(payload.length);
    if (target == 0) {
      return null;
    }
    byte[] smaller = less(payload, target, "the server found the event too large");
    return smaller.length < payload.length ? smaller : null;
  }

  /** The event with as much left out as it takes for it to fit, if that is possible. */
  static byte[] within(byte[] payload, int most) {
    return less(payload, most, "the event was too large");
  }

  private static byte[] less(byte[] payload, int target, String why) {
    if (payload.length <= target) {
      return payload;
    }
    try {
      Map<String, Object> event = mutable(Json.parseObject(payload));
      byte[] smaller = payload;
      List<String> told = new ArrayList<>();
      for (Named named : STEPS) {
        if (smaller.length <= target) {
          break;
        }
        if (named.step().apply(event)) {
          told.add(named.told() + ": left out, " + why);
          smaller = written(event, told);
        }
      }
      return smaller;
    } catch (IOException e) {
      return payload;
    }
  }

  private static int target(int size) {
    for (int target : SIZES) {
      if (size > target) {
        return target;
      }
    }
    return 0;
  }

  private static byte[] written(Map<String, Object> event, List<String> told) {
    Map<String, Object> copy = new LinkedHashMap<>(event);
    Map<String, Object> extra = new LinkedHashMap<>(map(event.get("extra")));
    List<Object> trimmed = new ArrayList<>(list(extra.get("trimmed")));
    trimmed.addAll(told);
    texts(trimmed, 2 * SHORT_TEXT);
    extra.put("trimmed", last(trimmed, MOST_TOLD));
    copy.put("extra", extra);
    return Json.write(copy).getBytes(StandardCharsets.UTF_8);
  }

  private static boolean extra(Map<String, Object> event) {
    return map(event.get("extra")).keySet().retainAll(EXTRA_KEPT);
  }

  private static boolean request(Map<String, Object> event) {
    return map(event.get("request"))
        .keySet()
        .removeAll(List.of("headers", "env", "data", "cookies"));
  }

  private static boolean ofLibrary(Map<String, Object> frame) {
    return !Boolean.TRUE.equals(frame.get("in_app"));
  }

  private static boolean frames(
      Map<String, Object> event, Predicate<Map<String, Object>> which, String... keys) {
    boolean any = false;
    for (Map<String, Object> trace : traces(event)) {
      for (Object frame : list(trace.get("frames"))) {
        if (which.test(map(frame))) {
          any |= map(frame).keySet().removeAll(List.of(keys));
        }
      }
    }
    return any;
  }

  private static boolean middle(Map<String, Object> event) {
    boolean any = false;
    for (Map<String, Object> trace : traces(event)) {
      List<Object> frames = list(trace.get("frames"));
      if (frames.size() > FEW_FRAMES) {
        List<Object> few = new ArrayList<>(frames.subList(0, FEW_FRAMES / 2));
        few.addAll(frames.subList(frames.size() - FEW_FRAMES / 2, frames.size()));
        trace.put("frames", few);
        any = true;
      }
    }
    return any;
  }

  private static boolean causes(Map<String, Object> event) {
    List<Object> values = list(map(event.get("exception")).get("values"));
    if (values.size() < 2) {
      return false;
    }
    map(event.get("exception")).put("values", last(values, 1));
    return true;
  }

  private static boolean innermost(Map<String, Object> event) {
    boolean any = false;
    for (Map<String, Object> trace : traces(event)) {
      List<Object> frames = list(trace.get("frames"));
      if (frames.size() > INNERMOST) {
        trace.put("frames", last(frames, INNERMOST));
        any = true;
      }
    }
    return any;
  }

  private static boolean longTexts(Map<String, Object> event) {
    boolean any = map(event.get("logentry")).remove("params") != null;
    // As older versions of this program wrote it, which may still be waiting.
    any |= map(event.get("message")).remove("params") != null;
    return texts(event, LONG_TEXT) || any;
  }

  /** Wherever they are; what extra still has is small. */
  private static boolean texts(Map<String, Object> holder, int longest) {
    boolean any = false;
    for (Map.Entry<String, Object> entry : holder.entrySet()) {
      if (entry.getValue() instanceof String text && text.length() > longest) {
        entry.setValue(Limits.shortened(text, longest));
        any = true;
      } else if (entry.getValue() instanceof Map<?, ?> map && !entry.getKey().equals("extra")) {
        any |= texts(cast(map), longest);
      } else if (entry.getValue() instanceof List<?>) {
        any |= texts(list(entry.getValue()), longest);
      }
    }
    return any;
  }

  private static boolean texts(List<Object> values, int longest) {
    boolean any = false;
    for (int i = 0; i < values.size(); i++) {
      if (values.get(i) instanceof String text && text.length() > longest) {
        values.set(i, Limits.shortened(text, longest));
        any = true;
      } else if (values.get(i) instanceof Map<?, ?> map) {
        any |= texts(cast(map), longest);
      }
    }
    return any;
  }

  private static List<Object> last(List<Object> values, int most) {
    return new ArrayList<>(values.subList(Math.max(0, values.size() - most), values.size()));
  }

  private static List<Map<String, Object>> traces(Map<String, Object> event) {
    List<Map<String, Object>> traces = new ArrayList<>();
    for (String section : List.of("exception", "threads")) {
      for (Object value : list(map(event.get(section)).get("values"))) {
        traces.add(map(map(value).get("stacktrace")));
      }
    }
    traces.add(map(event.get("stacktrace")));
    return traces;
  }

  /** All of it in collections that can be changed. */
  private static Map<String, Object> mutable(Map<String, @Nullable Object> json) {
    return new LinkedHashMap<>(cast(json));
  }

  /** The object itself, or an empty one that is no part of the event. */
  private static Map<String, Object> map(@Nullable Object value) {
    return value instanceof Map<?, ?> map ? cast(map) : new LinkedHashMap<>();
  }

  @SuppressWarnings("unchecked") // as Json.parse has made them
  private static Map<String, Object> cast(Map<?, ?> map) {
    return (Map<String, Object>) map;
  }

  @SuppressWarnings("unchecked") // as Json.parse has made them
  private static List<Object> list(@Nullable Object value) {
    return value instanceof List<?> list ? (List<Object>) list : List.of();
  }
}

package io.uwsgisentry.event;

import io.sentry.protocol.Mechanism;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How an exception came to be known, in Sentry's words. */
final class Mechanisms {
  private Mechanisms() {}

  /**
   * @param handled null where nothing was raised: a handler's options made an exception of it
   */
  static Mechanism of(String type, @Nullable Boolean handled) {
    Mechanism mechanism = new Mechanism();
    mechanism.setType(type);
    mechanism.setHandled(handled);
    return mechanism;
  }

  /**
   * Of one in a chain or tree of exceptions.
   *
   * @param id 0 for the one that was raised last
   * @param parent of which it is the cause, or a member
   * @param source how the language tells it: {@code __cause__}, {@code __context__}, {@code
   *     exceptions[0]}
   * @param group whether it has members
   */
  static Mechanism chained(String type, int id, int parent, String source, boolean group) {
    Mechanism mechanism = of(id == 0 ? type : "chained", false);
    mechanism.setExceptionId(id);
    if (id > 0) {
      mechanism.setParentId(parent);
      if (!source.isEmpty()) {
        mechanism.setUnknown(Map.of("source", source));
      }
    }
    if (group) {
      mechanism.setExceptionGroup(true);
    }
    return mechanism;
  }

  /**
   * Of a process that a signal ended. It is never {@code synthetic}: of such an exception servers
   * show neither type nor value, and title the issue by a frame's function, {@code strlen} say.
   *
   * @param signal null where it is not known which it was
   */
  static Mechanism signal(@Nullable Signal signal) {
    Mechanism mechanism = of("signalhandler", false);
    if (signal != null) {
      mechanism.setMeta(Map.of("signal", Map.of("number", signal.number(), "name", signal.name())));
    }
    return mechanism;
  }
}

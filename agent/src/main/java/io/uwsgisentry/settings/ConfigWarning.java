package io.uwsgisentry.settings;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What an operator should fix in a running server's configuration.
 *
 * @param handler empty where it is no single handler's: the DSN of the whole server
 * @param sentence what is wrong and what to write instead; holds no DSN
 */
public record ConfigWarning(String instance, String handler, String sentence) {

  /** What is to be said of one handler. */
  public static List<ConfigWarning> of(Handler handler) {
    HandlerSettings settings = settings(handler);
    List<ConfigWarning> all = new ArrayList<>();
    if (settings.destination() instanceof Destination.Malformed malformed) {
      all.add(ofDsn(handler, malformed.fault()));
    }
    // The whole server's: told once.
    for (String fault : settings.ignoreFaults()) {
      all.add(new ConfigWarning(handler.instance(), "", fault));
    }
    for (String warning : settings.warnings()) {
      all.add(new ConfigWarning(handler.instance(), handler.handler(), warning));
    }
    return all;
  }

  /**
   * What is to be said of those among the handlers that their servers still have: one that was told
   * of only before the server's last start has left the configuration since.
   */
  public static List<ConfigWarning> current(Collection<Handler> handlers) {
    Map<String, Instant> started = new HashMap<>();
    for (Handler handler : handlers) {
      started.merge(handler.server(), started(handler), (a, b) -> a.compareTo(b) < 0 ? b : a);
    }
    return handlers.stream()
        .filter(handler -> started(handler).equals(started.get(handler.server())))
        .flatMap(handler -> of(handler).stream())
        .distinct()
        .toList();
  }

  /** In one line: {@code shop, alarm lqfull: unknown option 'levl': did you mean 'level'?}. */
  public String line() {
    return String.join(", ", Stream.of(instance, handler).filter(s -> !s.isEmpty()).toList())
        + ": "
        + sentence;
  }

  private static HandlerSettings settings(Handler handler) {
    return HandlerSettings.of(handler.handler(), handler.options(), handler.defaults());
  }

  private static Instant started(Handler handler) {
    Instant started = settings(handler).started();
    return started == null ? Instant.EPOCH : started;
  }

  /** The DSN that all handlers share is told once, not for each of them. */
  private static ConfigWarning ofDsn(Handler handler, String fault) {
    String prefix = handler.handler() + ", ";
    String sentence = fault.startsWith(prefix) ? fault.substring(prefix.length()) : fault;
    return new ConfigWarning(
        handler.instance(), sentence.startsWith("dsn:") ? handler.handler() : "", sentence);
  }
}

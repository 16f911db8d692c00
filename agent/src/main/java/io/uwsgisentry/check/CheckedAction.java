package io.uwsgisentry.check;

import io.uwsgisentry.settings.KeyValueList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an option has uWSGI do when an alarm is raised, a phase is reached, a rule matches or an
 * exception is told.
 *
 * @param name of the handler as events carry it: {@code alarm lqfull}, {@code hook-asap}, {@code
 *     route ^/help}
 * @param action {@code engine:arguments}
 * @param form how the option is to be written, {@code …} for the arguments
 */
record CheckedAction(String name, String action, String form) {
  /** Options whose value is, or starts with, names of alarms. */
  private static final Set<String> NAMES_AN_ALARM =
      Set.of(
          "alarm-segfault",
          "segfault-alarm",
          "alarm-backlog",
          "backlog-alarm",
          "lq-alarm",
          "alarm-lq",
          "alarm-listen-queue",
          "listen-queue-alarm",
          "alarm-log",
          "log-alarm",
          "not-alarm-log",
          "not-log-alarm",
          "alarm-fd");

  private static final Set<String> OF_THE_BACKLOG =
      Set.of(
          "alarm-backlog",
          "backlog-alarm",
          "lq-alarm",
          "alarm-lq",
          "alarm-listen-queue",
          "listen-queue-alarm");

  /** Whether the option names the alarm of a full listen queue. */
  static boolean isBacklogAlarm(CheckedLine line) {
    return OF_THE_BACKLOG.contains(line.key());
  }

  /** Null where the option is of no such kind, or so malformed that it has no action. */
  static @Nullable CheckedAction of(CheckedLine line) {
    String key = line.key();
    String value = line.value();
    int space = value.indexOf(' ');
    if (key.equals("alarm")) {
      return space <= 0
          ? null
          : new CheckedAction(
              "alarm " + value.substring(0, space),
              value.substring(space + 1),
              "alarm = " + value.substring(0, space) + " sentry:…");
    }
    if (key.startsWith("hook-")) {
      return new CheckedAction(
          key, value.startsWith("!") ? value.substring(1) : value, key + " = sentry:…");
    }
    if (key.equals("exception-handler")) {
      return new CheckedAction(
          key, value.equals("sentry") ? "sentry:" : value, key + " = sentry:…");
    }
    if (!key.matches("(final-|error-|response-)?route(-.*)?") || key.endsWith("-label")) {
      return null;
    }
    if (key.endsWith("route-run") || space < 0) {
      return new CheckedAction(key, value, key + " = sentry:…");
    }
    return new CheckedAction(
        key + " " + value.substring(0, space),
        value.substring(space + 1),
        key + " = CONDITION sentry:…");
  }

  /** What stands before the colon. */
  String engine() {
    int colon = action.indexOf(':');
    return colon < 0 ? action : action.substring(0, colon);
  }

  /** Whether it is ours and well formed. */
  boolean isSentry() {
    return action.startsWith("sentry:");
  }

  /** The alarms that an option raises, by name. */
  static List<String> alarmsRaisedBy(CheckedLine line) {
    String value = line.value();
    if (NAMES_AN_ALARM.contains(line.key())) {
      return List.of(firstWord(value).split(","));
    }
    if (line.key().equals("metric-alarm") || line.key().equals("alarm-metric")) {
      String name = KeyValueList.parse(value).get("alarm");
      return name == null ? List.of() : List.of(name);
    }
    CheckedAction action = line.key().equals("alarm") ? null : of(line);
    return action == null || !action.action().startsWith("alarm:")
        ? List.of()
        : List.of(firstWord(action.action().substring(6)));
  }

  private static String firstWord(String text) {
    int space = text.indexOf(' ');
    return space < 0 ? text : text.substring(0, space);
  }
}

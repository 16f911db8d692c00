package io.uwsgisentry.settings;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How bad an event is, in Sentry's words, worst first. */
public enum Level {
  FATAL,
  ERROR,
  WARNING,
  INFO,
  DEBUG;

  /** Sentry's own word: {@code fatal}, {@code error}, … */
  public String sentryName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The level of that name, in any case; null where there is none. */
  static @Nullable Level named(String name) {
    for (Level level : values()) {
      if (level.name().equalsIgnoreCase(name)) {
        return level;
      }
    }
    return null;
  }

  /** What people write who know other loggers; null for anything else. */
  static @Nullable Level meant(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "warn" -> WARNING;
      case "critical", "crit", "emergency", "alert" -> FATAL;
      case "err" -> ERROR;
      case "notice", "information" -> INFO;
      case "trace" -> DEBUG;
      default -> null;
    };
  }
}

package io.uwsgisentry.event;

import org.jspecify.annotations.Nullable;

/** What Sentry calls the languages of uWSGI's plugins. */
final class Language {
  private Language() {}

  /** Sentry's platform of an application of that plugin. */
  static String platform(@Nullable String plugin) {
    return switch (plugin == null ? "" : plugin) {
      case "python" -> "python";
      case "rack" -> "ruby";
      case "psgi" -> "perl";
      case "php" -> "php";
      case "jvm", "jwsgi" -> "java";
      default -> "other";
    };
  }

  /** The name of what runs a language's code, for Sentry's context {@code runtime}; null: none. */
  static @Nullable String runtime(String platform) {
    return switch (platform) {
      case "python" -> "CPython";
      case "ruby" -> "ruby";
      case "perl" -> "perl";
      case "php" -> "php";
      case "lua" -> "lua";
      case "java" -> "JVM";
      default -> null;
    };
  }
}

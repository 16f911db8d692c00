package io.uwsgisentry.settings;

import java.util.Set;

/**
 * The platform names that Sentry's servers know (Relay's list); they replace any other by {@code
 * other}.
 */
public final class Platforms {
  public static final Set<String> KNOWN =
      Set.of(
          "as3",
          "c",
          "cfml",
          "cocoa",
          "csharp",
          "elixir",
          "go",
          "groovy",
          "haskell",
          "java",
          "javascript",
          "native",
          "node",
          "objc",
          "other",
          "perl",
          "php",
          "python",
          "ruby");

  private Platforms() {}
}

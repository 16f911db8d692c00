package io.uwsgisentry.settings;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What is reported with no handler for it: the words of {@code sentry-capture}. */
public enum Capture {
  EXCEPTIONS,
  FAILED,
  CRASHES,
  HARAKIRI,
  SLOW,
  BACKLOG,
  BOOT,
  DAEMONS,
  CUT,
  /** Not among {@code all}: what an application logs it has dealt with. */
  LOGGED,
  /** Not among {@code all}: what is a client's fault is none of the server's. */
  CLIENTS,
  /** Not among {@code all}: every client that may connect can cause it. */
  REFUSED;

  /** What {@code all} stands for, and what is captured with a {@code sentry-dsn} alone. */
  public static Set<Capture> usual() {
    return EnumSet.complementOf(EnumSet.of(LOGGED, CLIENTS, REFUSED));
  }

  /** As written in the option. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** All words of the option, {@code all} and {@code none} are not among them. */
  public static List<String> words() {
    return Arrays.stream(values()).map(Capture::word).toList();
  }

  /**
   * What a value of the option names, read as {@code native/server/capture_option.c} does.
   *
   * @param unknown called for each word that means nothing
   */
  public static Set<Capture> of(String value, Consumer<String> unknown) {
    Set<Capture> captured = EnumSet.noneOf(Capture.class);
    for (String word : value.split("[, \t]+")) {
      Capture one = named(word);
      if (word.equals("all")) {
        captured.addAll(usual());
      } else if (word.equals("none")) {
        captured.clear();
      } else if (one != null) {
        captured.add(one);
      } else if (!word.isEmpty()) {
        unknown.accept(word);
      }
    }
    return captured;
  }

  private static @Nullable Capture named(String word) {
    return Arrays.stream(values()).filter(c -> c.word().equals(word)).findFirst().orElse(null);
  }
}

package io.uwsgisentry.settings;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A line of {@code sentry-ignore}: what is not to be reported, written as titles are: {@code TYPE},
 * {@code TYPE: MESSAGE} or {@code TYPE, TYPE}. Types stand with or without their module; each part
 * is a pattern of {@link Wildcards}. {@code native/server/ignore_rules.c} looks for the same
 * faults.
 */
public final class IgnoreRule {
  /** Characters of a rule, so that matching is quick. */
  static final int LONGEST = 512;

  private static final String BETWEEN = ": ";

  private final String text;
  private final List<Wildcards> types;
  private final @Nullable Wildcards message;

  private IgnoreRule(String text, List<Wildcards> types, @Nullable Wildcards message) {
    this.text = text;
    this.types = types;
    this.message = message;
  }

  /**
   * What is wrong with a rule, as a sentence that says what to write instead; null if nothing is.
   */
  public static @Nullable String fault(String rule) {
    if (rule.isBlank()) {
      return "it is empty: write for example OSError: write error";
    }
    if (rule.length() > LONGEST) {
      return "it is longer than " + LONGEST + " characters";
    }
    String backslash = Wildcards.fault(rule);
    if (backslash != null) {
      return backslash;
    }
    List<String> types = types(rule);
    if (types.contains("")) {
      return "a type is missing: write for example *: MESSAGE for any type";
    }
    if (message(rule) != null && types.size() > 1) {
      return "several types stand before a message: write a line for each";
    }
    IgnoreRule made = of(rule);
    boolean anything = made.types.stream().anyMatch(Wildcards::isEverything);
    return anything && (made.message == null || made.message.isEverything())
        ? "it would ignore everything: name a type or a message"
        : null;
  }

  /** Of a rule without a fault. */
  public static IgnoreRule of(String rule) {
    String message = message(rule);
    return new IgnoreRule(
        rule.strip(),
        types(rule).stream().map(Wildcards::of).toList(),
        message == null ? null : Wildcards.of(message));
  }

  /** As its user wrote it. */
  public String text() {
    return text;
  }

  /**
   * Whether the rule is about such an event.
   *
   * @param type of an exception, empty where there is none
   * @param module of that type, null where it is not known
   * @param said the exception's text, or the event's message where there is no exception
   */
  public boolean matches(String type, @Nullable String module, String said) {
    String whole = module == null || module.isEmpty() ? type : module + "." + type;
    return types.stream().anyMatch(t -> t.matches(type) || t.matches(whole))
        && (message == null || message.matches(said));
  }

  private static @Nullable String message(String rule) {
    int between = rule.indexOf(BETWEEN);
    return between < 0 ? null : rule.substring(between + BETWEEN.length()).strip();
  }

  private static List<String> types(String rule) {
    int between = rule.indexOf(BETWEEN);
    String part = between < 0 ? rule : rule.substring(0, between);
    return Arrays.stream(part.split(",", -1)).map(String::strip).toList();
  }
}

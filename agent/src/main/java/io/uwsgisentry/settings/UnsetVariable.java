package io.uwsgisentry.settings;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A value that is nothing but {@code $(NAME)}: uWSGI leaves it as it is where its environment has
 * no NAME. It counts as not given. The plugin does the same, {@code native/server/option_values.c}.
 */
public final class UnsetVariable {
  private static final Pattern ALONE = Pattern.compile("\\$\\(([^()]+)\\)");

  private UnsetVariable() {}

  /** The variable's name, or null where the value is anything else. */
  public static @Nullable String name(String value) {
    Matcher matcher = ALONE.matcher(value);
    return matcher.matches() ? matcher.group(1) : null;
  }

  /** What to say of such a value, behind its name. */
  public static String sentence(String name) {
    return "counts as not given: the environment has no " + name;
  }
}

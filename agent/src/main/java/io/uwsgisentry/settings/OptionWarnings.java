package io.uwsgisentry.settings;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Looks through an option string for what its author probably did not mean, and says what to write
 * instead.
 */
final class OptionWarnings {
  private static final Set<String> OFF = Set.of("0", "no", "off", "false", "none", "never");

  private final KeyValueList list;
  private final Map<HandlerOption, String> values;
  private final List<String> sentences = new ArrayList<>();

  OptionWarnings(KeyValueList list, Map<HandlerOption, String> values) {
    this.list = list;
    this.values = values;
  }

  List<String> sentences() {
    list.ignored().forEach(this::withoutValue);
    Set<String> seen = new HashSet<>();
    for (KeyValueList.Entry entry : list.entries()) {
      key(entry, seen.add(entry.key()));
    }
    level();
    platform();
    timeout();
    sampleRate();
    for (HandlerOption option : List.of(HandlerOption.NO_VERIFY, HandlerOption.DEBUG)) {
      String value = values.get(option);
      if (value != null && OFF.contains(value.toLowerCase(Locale.ROOT))) {
        say(
            "'%s=%s' turns %s on, as any value does: remove it to turn it off",
            option.key(), value, option.key());
      }
    }
    if (values.containsKey(HandlerOption.TRANSACTION)
        && values.containsKey(HandlerOption.CULPRIT)) {
      say("'culprit' is the old name of 'transaction' and is ignored beside it: remove it");
    }
    for (HandlerOption option :
        List.of(HandlerOption.TAGS, HandlerOption.EXTRA, HandlerOption.USER)) {
      QuotedList.pairs(
          values.getOrDefault(option, ""),
          part ->
              say("'%s' in '%s' is not key:value and is ignored", shortened(part), option.key()));
    }
    return List.copyOf(sentences);
  }

  private void withoutValue(String item) {
    HandlerOption option = HandlerOption.of(item);
    if (option != null) {
      say(
          "'%s' has no '=' and is ignored: write %s=%s",
          item, item, option.isSwitch() ? "1" : "VALUE");
    } else {
      say(
          "'%s' has no '=' and is ignored: a comma inside a value is written '\\,'",
          shortened(item));
    }
  }

  private void key(KeyValueList.Entry entry, boolean first) {
    String key = entry.key();
    String unset = UnsetVariable.name(entry.value());
    if (unset != null && HandlerOption.of(key) != null) {
      say("'%s=%s' %s", key, entry.value(), UnsetVariable.sentence(unset));
    }
    if (HandlerOption.of(key) == null) {
      String meant = Spelling.nearest(key, HandlerOption.keys());
      if (meant != null && !key.equals(key.strip())) {
        say("unknown option '%s': uWSGI keeps the blank, write '%s'", key, meant);
      } else if (meant != null) {
        say("unknown option '%s': did you mean '%s'?", key, meant);
      } else {
        say("unknown option '%s', which is ignored: see docs/options.md", shortened(key));
      }
    } else if (!first) {
      say("'%s' is given more than once: the last one counts", key);
    } else if (entry.value().isEmpty()) {
      say("'%s' is empty and counts as not given", key);
    }
  }

  private void level() {
    String value = plain(HandlerOption.LEVEL);
    if (value == null || Level.named(value) != null) {
      return;
    }
    Level meant = Level.meant(value);
    if (meant != null) {
      say("'level=%s' is not one of Sentry's: taken as '%s'", value, meant.sentryName());
    } else {
      List<String> names = Arrays.stream(Level.values()).map(Level::sentryName).toList();
      say(
          "'level=%s' is not one of %s: the default is used%s",
          shortened(value), String.join(", ", names), guess(value, names));
    }
  }

  private void platform() {
    String value = plain(HandlerOption.PLATFORM);
    if (value != null && !Platforms.KNOWN.contains(value)) {
      say(
          "'platform=%s' is not one that Sentry knows: sent as 'other'%s",
          shortened(value), guess(value, Platforms.KNOWN.stream().sorted().toList()));
    }
  }

  private void timeout() {
    String value = values.get(HandlerOption.TIMEOUT);
    if (value == null) {
      return;
    }
    Duration timeout = OptionValues.seconds(value);
    if (timeout == null) {
      say("'timeout=%s' is not a number of seconds: 4 is used", shortened(value));
    } else if (!OptionValues.bounded(timeout).equals(timeout)) {
      say("'timeout=%s' is not between 0.1 and 300 seconds: the nearer of the two is used", value);
    }
  }

  private void sampleRate() {
    String value = values.get(HandlerOption.SAMPLE_RATE);
    if (value != null && OptionValues.rate(value) == null) {
      say(
          "'sample_rate=%s' is not a number from 0 to 1: every event is sent, write for example"
              + " sample_rate=0.1",
          shortened(value));
    }
  }

  /** The value, unless it is still to be translated for each request. */
  private @Nullable String plain(HandlerOption option) {
    String value = values.get(option);
    return value == null || value.indexOf('$') >= 0 ? null : value;
  }

  private static String guess(String value, List<String> names) {
    String near = Spelling.nearest(value, names);
    return near == null ? "" : "; did you mean '" + near + "'?";
  }

  /**
   * A comma or an equals sign in a secret leaves pieces of a DSN where keys should be: not to be
   * printed.
   */
  private static String shortened(String text) {
    if (text.indexOf('@') >= 0 || text.contains("://")) {
      return "(not shown: maybe part of a DSN)";
    }
    return text.length() <= 60 ? text : text.substring(0, 57) + "...";
  }

  private void say(String format, Object... args) {
    // An ini with the line ends of Windows leaves a carriage return behind the last key.
    sentences.add(String.format(Locale.ROOT, format, args).replaceAll("\\p{Cntrl}", "?"));
  }
}

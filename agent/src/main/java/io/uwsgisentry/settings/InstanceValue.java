package io.uwsgisentry.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a server option may say; {@code native/server/options.c} looks at the same. */
final class InstanceValue {
  private static final int MOST_BREADCRUMBS = 100;

  private InstanceValue() {}

  static @Nullable String fault(InstanceOption option, String value) {
    return switch (option) {
      case DSN -> dsnFault(value);
      case TAGS -> tagsFault(value);
      case AGENT ->
          value.equals("auto") || value.equals("external")
              ? null
              : "it is neither 'auto' nor 'external'";
      case CAPTURE -> captureFault(value);
      case FAILED_STATUS ->
          value.matches("[45]\\d\\d(-[45]\\d\\d)?( *, *[45]\\d\\d(-[45]\\d\\d)?)*")
              ? null
              : "it is not a list of statuses from 400 to 599: write for example 500,502-504";
      case SLOW_REQUEST ->
          value.matches("[0-9]{1,6}(\\.[0-9]*)?|\\.[0-9]+")
              ? null
              : "it is not a number of seconds and counts as 0: write for example 2.5";
      case BREADCRUMBS ->
          value.matches("[0-9]{1,6}") && Integer.parseInt(value) <= MOST_BREADCRUMBS
              ? null
              : "it is not a whole number from 0 to " + MOST_BREADCRUMBS + ": write for example 50";
      case LOCALS ->
          isSwitch(value) ? null : "it is neither 'true' nor 'false', and counts as false";
      case IGNORE -> {
        String fault = IgnoreRule.fault(value);
        yield fault == null ? null : fault + "; it ignores nothing";
      }
      case FOLD ->
          value.matches("[0-9]{1,9}") ? null : "it is not a whole number: write for example 5";
      case MAX_EVENTS_PER_MINUTE ->
          value.matches("[0-9]{1,9}") ? null : "it is not a whole number: write for example 100";
      case JAR ->
          value.startsWith("/")
              ? null
              : "it is not an absolute path: write for example /opt/uwsgi-sentry/uwsgi-sentry.jar";
      case DRAIN ->
          value.matches("[0-9]{1,4}")
              ? null
              : "it is not a whole number of seconds: write for example 2";
      case JOURNAL_MAX ->
          OptionValues.bytes(value) >= 64 << 10
              ? null
              : "it is not a size of at least 64k: write for example 64m";
      case OUTBOX_MAX ->
          OptionValues.bytes(value) >= 1 << 20
              ? null
              : "it is not a size of at least 1m: write for example 256m";
      case OUTBOX_AGE ->
          OptionValues.age(value).isNegative() || OptionValues.age(value).isZero()
              ? "it is not an age: write for example 7d or 12h"
              : null;
      case OUTBOX_ENTRIES ->
          value.matches("[1-9][0-9]{1,8}")
              ? null
              : "it is not a number from 10 to 999999999: write for example 250000";
      case EVENT_MAX ->
          OptionValues.bytes(value) >= 16 << 10 && OptionValues.bytes(value) <= 1 << 20
              ? null
              : "it is not a size from 16k to 1m: write for example 200k";
      case HISTORY -> historyFault(value);
      case MAX_REQUESTS ->
          value.matches("[1-9][0-9]{0,2}")
                  && Integer.parseInt(value) >= 2
                  && Integer.parseInt(value) <= 256
              ? null
              : "it is not a number from 2 to 256: write for example 64";
      case CA -> value.startsWith("/") ? null : "it is not an absolute path: write it from /";
      case PROXY -> value.equals(Route.NONE) ? null : ProxyAddress.fault(value);
      case DIR -> value.startsWith("/") ? null : "it is not an absolute path: write it from /";
      case SEND_DEFAULT_PII, WITH_SDK ->
          value.isEmpty() || isSwitch(value)
              ? null
              : "it is neither 'true' nor 'false', and counts as true";
      default -> value.isEmpty() ? "it is empty: give it a value or remove it" : null;
    };
  }

  private static boolean isSwitch(String value) {
    return List.of("true", "false", "1", "0", "on", "off", "yes", "no")
        .contains(value.toLowerCase(Locale.ROOT));
  }

  private static @Nullable String historyFault(String value) {
    int comma = value.indexOf(',');
    boolean good =
        value.equals("0")
            || (comma > 0
                && !OptionValues.age(value.substring(0, comma)).isNegative()
                && OptionValues.bytes(value.substring(comma + 1)) >= 0);
    return good ? null : "it is neither AGE,SIZE nor 0: write for example 7d,50m";
  }

  private static @Nullable String dsnFault(String value) {
    try {
      Dsn.parse(value);
      return null;
    } catch (MalformedDsnException e) {
      return e.fault();
    }
  }

  private static @Nullable String captureFault(String value) {
    List<String> odd = new ArrayList<>();
    Capture.of(value, odd::add);
    if (odd.isEmpty()) {
      return value.isBlank() ? "it is empty: write all, none, or what to report" : null;
    }
    String word = odd.get(0);
    List<String> known = new ArrayList<>(Capture.words());
    known.addAll(List.of("all", "none"));
    String meant = Spelling.nearest(word, known);
    return "'"
        + word
        + "' is none of "
        + String.join(", ", known)
        + ", and is ignored"
        + (meant == null ? "" : "; did you mean '" + meant + "'?");
  }

  private static @Nullable String tagsFault(String value) {
    StringBuilder odd = new StringBuilder();
    QuotedList.pairs(
        value, part -> odd.append(odd.isEmpty() ? "'" : ", '").append(part).append('\''));
    return odd.isEmpty() ? null : odd + " is not key:value and is ignored";
  }
}

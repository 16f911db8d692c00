package io.uwsgisentry.cli;

import io.uwsgisentry.console.Environment;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Times and durations on the command line: {@code --since}, {@code --max-wait}. */
final class TimeArgument {
  private static final Pattern AGO = Pattern.compile("(\\d{1,9})([smhd])");

  private TimeArgument() {}

  /** The value of an option that is a duration. */
  static Duration duration(String option, String text, CommandSpec spec) {
    Matcher matcher = AGO.matcher(text);
    if (!matcher.matches()) {
      throw new ParameterException(
          spec.commandLine(), option + " " + text + ": write a duration such as 90s, 15m or 2h");
    }
    return duration(matcher);
  }

  private static Duration duration(Matcher matched) {
    long n = Long.parseLong(matched.group(1));
    return switch (matched.group(2)) {
      case "s" -> Duration.ofSeconds(n);
      case "m" -> Duration.ofMinutes(n);
      case "h" -> Duration.ofHours(n);
      default -> Duration.ofDays(n);
    };
  }

  static Instant parse(String text, Environment surroundings, CommandSpec spec) {
    Matcher ago = AGO.matcher(text);
    if (ago.matches()) {
      return surroundings.clock().instant().minus(duration(ago));
    }
    String time = text.replace(' ', 'T');
    try {
      if (!time.contains("T")) {
        return LocalDate.parse(time).atStartOfDay(surroundings.zone()).toInstant();
      }
      return time.matches(".*(Z|[+-]\\d\\d:?\\d\\d)")
          ? OffsetDateTime.parse(time).toInstant()
          : LocalDateTime.parse(time).atZone(surroundings.zone()).toInstant();
    } catch (DateTimeException e) {
      throw new ParameterException(
          spec.commandLine(),
          "cannot read the time '" + text + "': write 15m, 2h, 7d, 2026-11-22 or 2026-11-22T14:00");
    }
  }
}

package io.uwsgisentry.cli;

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

/** The value of {@code --since}. */
final class Since {
  private static final Pattern AGO = Pattern.compile("(\\d{1,9})([smhd])");

  private Since() {}

  static Instant parse(String text, Surroundings surroundings, CommandSpec spec) {
    Matcher ago = AGO.matcher(text);
    if (ago.matches()) {
      long n = Long.parseLong(ago.group(1));
      Duration age =
          switch (ago.group(2)) {
            case "s" -> Duration.ofSeconds(n);
            case "m" -> Duration.ofMinutes(n);
            case "h" -> Duration.ofHours(n);
            default -> Duration.ofDays(n);
          };
      return surroundings.clock().instant().minus(age);
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

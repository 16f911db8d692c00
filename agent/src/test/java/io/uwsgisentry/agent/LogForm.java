package io.uwsgisentry.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The one form of {@code agent.log}, which {@code docs/operations.md} describes. */
final class LogForm {
  static final String LINE =
      "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z (ERROR|WARN|INFO) "
          + Arrays.stream(AgentLog.Component.values())
              .map(component -> component.name().toLowerCase(Locale.ROOT))
              .collect(Collectors.joining("|", "(", ")"))
          + ": \\S.*";

  private LogForm() {}

  /** Returns the log; each of its lines begins an entry of that form, or belongs to one. */
  static String checked(String log) {
    assertThat(log.lines()).allMatch(line -> line.matches(LINE) || line.startsWith("    "));
    return log;
  }
}

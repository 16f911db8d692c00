package io.uwsgisentry.cli;

import io.uwsgisentry.console.Text;
import io.uwsgisentry.outbox.Entry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Looks events up by the beginning of an id. */
final class EventId {
  private EventId() {}

  /**
   * At most {@code limit} of those whose id begins so.
   *
   * @throws ParameterException if it is no beginning of an id
   */
  static List<Entry> find(Path directory, String prefix, int limit, CommandSpec spec)
      throws IOException {
    String digits = prefix.toLowerCase(Locale.ROOT).replace("-", "");
    if (!digits.matches("[0-9a-f]{1,32}")) {
      throw new ParameterException(
          spec.commandLine(),
          "an id is made of up to 32 hexadecimal digits, not '" + Text.line(prefix) + "'");
    }
    return OutboxReading.read(directory, List.of(), outbox -> outbox.reader().find(digits, limit));
  }
}

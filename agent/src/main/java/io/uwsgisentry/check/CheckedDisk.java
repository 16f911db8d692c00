package io.uwsgisentry.check;

import io.uwsgisentry.check.CheckReport.Finding;
import io.uwsgisentry.check.CheckReport.Severity;
import io.uwsgisentry.console.Text;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.outbox.Disk;
import io.uwsgisentry.outbox.Footprint;
import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.settings.OptionValues;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Whether the volume has room for what a configuration allows the state directory to take. */
final class CheckedDisk {
  private CheckedDisk() {}

  /**
   * Says what the volume allows, where that is less.
   *
   * @param usual the state directory if the configuration names none
   * @return null if it has room
   */
  static @Nullable Finding finding(List<CheckedLine> lines, Path usual) {
    Path directory = usual;
    CheckedLine where = null;
    Map<InstanceOption, String> bounds = new EnumMap<>(InstanceOption.class);
    long journal = Footprint.USUAL_JOURNAL;
    for (CheckedLine line : lines) {
      InstanceOption option = InstanceOption.of(line.key());
      if (option == null || option.fault(line.value()) != null) {
        continue;
      }
      switch (option) {
        case DIR -> {
          directory = Path.of(line.value());
          where = line;
        }
        case JOURNAL_MAX -> journal = OptionValues.bytes(line.value());
        case OUTBOX_MAX, EVENT_MAX, HISTORY -> bounds.put(option, line.value());
        default -> {}
      }
    }
    try {
      Disk disk = Disk.of(directory);
      Footprint allowed = Footprint.of(disk, directory, Bounds.of(bounds), journal);
      if (!allowed.shrunk() && allowed.journal() >= journal) {
        return null;
      }
      return new Finding(
          Severity.NOTE,
          where,
          "",
          "the volume of "
              + directory
              + " has "
              + Text.bytes(disk.volume().free())
              + " free: a start now lets all of the directory take at most "
              + Text.bytes(disk.quarter())
              + ", of that "
              + Text.bytes(allowed.journal())
              + " the journal and "
              + Text.bytes(allowed.database())
              + " the outbox, less than the options allow");
    } catch (IOException e) {
      // Then it is the agent's to say.
      return null;
    }
  }
}

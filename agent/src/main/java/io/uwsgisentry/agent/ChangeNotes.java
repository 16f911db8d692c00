package io.uwsgisentry.agent;

import io.uwsgisentry.journal.HeldDirectory;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.Changes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Clock;

/** Notes what others did to the state directory, for {@code status}. */
final class ChangeNotes {
  private final Path directory;
  private final JournalDirectory journal;
  private final Clock clock;
  private final Log log;

  ChangeNotes(Path directory, JournalDirectory journal, Clock clock, Log log) {
    this.directory = directory;
    this.journal = journal;
    this.clock = clock;
    this.log = log;
  }

  /** In what stands there; where nothing does, in what stood there, which may come back. */
  void add(String what, long lost) {
    try {
      Path place = directory;
      HeldDirectory held = journal.held();
      if (held != null && !Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
        place = Path.of(held.whereabouts());
      }
      Changes.add(place, new Changes.Change(clock.instant(), what, lost));
    } catch (IOException e) {
      log.warn("cannot write `changes` in the state directory, `status` lacks this change: " + e);
    }
  }
}
